import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="3. Memorization and double descent")

with app.setup(hide_code=True):
    import jax
    import marimo as mo
    import numpy as np
    import optax
    from workshop import check, deeper, outcome, prediction, same_as, watch

    import toymodels
    from toymodels import (
        Axis,
        Datapoints,
        FiniteDataset,
        ReluOutput,
        SparseFeatures,
        best_of,
        draw_datapoints,
        geometry,
        hidden_vectors,
        plotting,
        squared_error,
        theory,
        train,
    )

    # all cores, and what is compiled is kept: before JAX's first use
    toymodels.setup()


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 3. Memorization and double descent

    **Does a model store features, or the datapoints that it has seen?**

    Until now each step had fresh samples. Now the model sees the same $T$ datapoints in every
    step: $n = 200$ features of sparsity $S = 0.97$, scaled to the length 1, and two hidden
    dimensions. The *test loss* is the error on fresh datapoints.

    First you build a model by hand that memorises $T$ datapoints exactly. Then you train on
    few and on many. It takes about thirty minutes.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Datapoints on a circle

    Let no feature be on in two datapoints $X_i$. Put the hidden vectors $h_i = W X_i$ on a circle
    of radius $\rho$, at the angles $2 \pi i / T$. On the features of datapoint $j$, input
    $X_i$ gives

    $$X_j \, \mathrm{ReLU}(\rho^2 \cos \theta_{ij} - \beta), \quad \theta_{ij} = 2\pi (i - j) / T,$$

    if the bias is $-\beta X_j$ there. The ReLU must give 1 for $j = i$, so
    $\beta = \rho^2 - 1$, and 0 for all others. The bars show what it gives for $i = 1$. Which
    radius is needed as $T$ grows?
    """)
    return


@app.cell(hide_code=True)
def _():
    T = mo.ui.slider(3, 12, 1, value=5, label="number of datapoints T", show_value=True)
    T
    return (T,)


@app.cell(hide_code=True)
def _():
    square = mo.ui.slider(0.5, 8, 0.1, value=1.0, label="squared radius ρ²", show_value=True)
    square
    return (square,)


@app.cell
def _(T, square):
    angles = 2 * np.pi * np.arange(T.value) / T.value
    before = square.value * np.cos(angles) - (square.value - 1)
    ring = plotting.figure(7, 2.6)
    with plotting.style():
        _circle, _bars = ring.subplots(1, 2)
        _h = np.sqrt(square.value) * np.stack([np.cos(angles), np.sin(angles)])
        plotting.feature_arrows(_circle, _h, plotting.DATAPOINT, limit=3)
        _circle.set_title("hidden vectors, and the circle of radius 1")
        _places = np.arange(1, T.value + 1)
        _bars.bar(_places, np.clip(before, -3, None), color=plotting.FAINT, label="before the ReLU")
        _bars.bar(_places, np.maximum(before, 0), 0.4, color=plotting.DATAPOINT, label="after it")
        _bars.axhline(1, color=plotting.MUTED, linewidth=0.8, linestyle=":")
        _bars.set(xlabel="datapoint j", ylim=(-3, 1.3), xticks=_places)
        _bars.legend(loc="lower left")
    ring
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 1: the smallest circle

    The nearest neighbours are the hardest to silence: $\rho^2 \cos(2 \pi / T) \le \beta$,
    with $\beta = \rho^2 - 1$. What is the smallest $\rho^2$, as a function of $T \ge 3$?
    """)
    return


@app.function
def squared_radius(T):
    return ...


@app.cell(hide_code=True)
def check_squared_radius():
    check(
        squared_radius,
        same_as(
            lambda T: 1 / (1 - np.cos(2 * np.pi / T)),
            wrong=[
                (
                    lambda T: 1 / np.sqrt(1 - np.cos(2 * np.pi / T)),
                    "This is the radius; its square is asked for.",
                ),
                (
                    lambda T: 1 / (1 + np.cos(2 * np.pi / T)),
                    "Bring ρ² to one side again: ρ² cos - ρ² = -ρ² (1 - cos).",
                ),
                (lambda T: 1 / (1 - np.cos(np.pi / T)), "Neighbours are 2π/T apart."),
                (lambda T: 1 - np.cos(2 * np.pi / T), "ρ² (1 - cos) is at least 1: divide."),
                (
                    lambda T: 1 / (1 - np.cos(2 * np.pi / T)) - 1,
                    "This is β. The squared radius is one more.",
                ),
            ],
            at=[(3,), (5,), (8,), (30,)],
        ),
        solution="""
        def squared_radius(T):
            return 1 / (1 - np.cos(2 * np.pi / T))
        """,
        then="For large T it is near T^2 / 20: the weights have to grow to tell neighbours apart.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 2: build it

    Return $W$, of shape $[2, n]$, and $b$, of shape $[n]$, for datapoints $X$, of shape $[n, T]$,
    with no features in common. With $H$, the hidden vectors as columns, $W = H X^T$, as
    $X^T X = 1$. You may call `squared_radius`.
    """)
    return


@app.function
def memoriser(X):
    return ..., ...


@app.function(hide_code=True)
def disjoint_datapoints(T, n, seed=0):
    """Return T datapoints of six features each, none of them on in two."""
    draw = np.random.default_rng(seed)
    value = draw.uniform(size=(T, 6)).astype(np.float32)
    feature = draw.permutation(n)[: 6 * T].reshape(T, 6).astype(np.int32)
    return Datapoints(feature, value / np.linalg.norm(value, axis=1, keepdims=True))


@app.cell(hide_code=True)
def check_memoriser():
    def _complaint(memoriser):
        for T in (5, 8):
            X = np.asarray(disjoint_datapoints(T, 200).dense(200))
            W, b = memoriser(X)
            if W is ... or b is ...:
                return ...
            if np.shape(W) != (2, 200) or np.shape(b) != (200,):
                return f"W has the shape {np.shape(W)}, b {np.shape(b)}: [2, n] and [n] are due."
            received = X.T @ np.maximum(W.T @ (W @ X) + np.asarray(b)[:, None], 0)
            own = np.diag(received).mean()
            others = np.max(received - np.diag(np.diag(received)))
            if not np.any(b):
                return f"Without a bias neighbours receive {others:.2f} of a datapoint."
            if np.ptp(b) == 0:
                return "One bias for all features cuts a datapoint out of shape: it must be -β X."
            if others > 1e-3:
                return f"T = {T}: the neighbours of a datapoint still receive {others:.2f} of it."
            if abs(own - 1) > 1e-3:
                return f"T = {T}: datapoints come back {own:.2f} times as long."
        return None

    check(
        memoriser,
        _complaint,
        solution="""
        def memoriser(X):
            T = X.shape[1]
            square = 1 / (1 - np.cos(2 * np.pi / T))
            angles = 2 * np.pi * np.arange(T) / T
            H = np.sqrt(square) * np.stack([np.cos(angles), np.sin(angles)])
            return H @ X.T, -(square - 1) * X.sum(axis=1)
        """,
        then="Two neurons store any number of datapoints, if the weights may be large.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 3: what does it do on fresh data?

    A fresh datapoint shares few features with the stored ones, and after the bias the output is
    nearly 0. What is the test loss $\mathbb{E}\,|x - x'|^2$ of a model that always gives 0?
    """)
    return


@app.cell
def _():
    loss_of_zero = ...
    return (loss_of_zero,)


@app.cell(hide_code=True)
def check_loss_of_zero(loss_of_zero):
    check(
        loss_of_zero,
        same_as(
            1,
            wrong=[
                (0, "Zero is the loss on the datapoints that are stored."),
                (200 * 0.03 / 3, "n p / 3 is for features on [0, 1]; here all x have length 1."),
                (1 / 200, "The loss is a sum over features, and not their mean."),
                (0.03 / 3, "This is for one feature on [0, 1]; here x as a whole has length 1."),
            ],
        ),
        solution="loss_of_zero = 1  # |x|^2",
        then="Look for this number in the next picture.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Predict, then train

    Four models each are trained on 5, 30, 100 and 1,000 datapoints, for 2,000 steps. Those with
    the lowest *training* loss are shown.
    """)
    return


@app.cell(hide_code=True)
def _():
    worst_guess = prediction(
        "On how many datapoints must a model be trained to have the highest test loss?",
        ["5", "30", "100", "1000"],
    )
    worst_guess
    return (worst_guess,)


@app.cell(hide_code=True)
def _():
    stored_guess = prediction(
        "After 1,000 datapoints, what forms a pentagon?",
        ["datapoints (hidden vectors h)", "features (columns of W)", "both", "neither"],
    )
    stored_guess
    return (stored_guess,)


@app.cell
def _():
    n = 200
    features = SparseFeatures(n, sparsity=0.97)
    test_points = draw_datapoints(features, 2**13, key=jax.random.key(1))
    datasets = {5: disjoint_datapoints(5, n)} | {
        T: draw_datapoints(features, T, key=jax.random.key(T)) for T in (30, 100, 1000)
    }

    def problem(points, test):
        objective = FiniteDataset(lambda key: ReluOutput(n, 2, key=key), points, test)
        rate = optax.warmup_cosine_decay_schedule(0, 1e-2, 100, 2000)
        return objective, optax.adamw(rate, weight_decay=1e-2)

    return datasets, problem, test_points


@app.cell
def _(datasets, problem, stored_guess, test_points, worst_guess):
    mo.stop(
        worst_guess.value is None or stored_guess.value is None,
        mo.md("*Commit to both predictions: the training starts then.*"),
    )
    models, chosen = {}, {}
    for _T, _points in datasets.items():
        with watch(f"4 models of {_T} datapoints") as _report:
            trained = train(
                problem,
                [Axis.seeds(4)],
                steps=2000,
                key=jax.random.key(0),
                data={"points": _points, "test": test_points},
                report=_report,
            )
        errors = [squared_error(W, b, _points) for W, b in zip(trained.W, trained.b, strict=True)]
        models[_T] = trained.assign(train_loss=("seed", np.array(errors)))
        chosen[_T] = best_of(models[_T], by="train_loss")
    return chosen, models


@app.cell
def _(chosen, datasets, models):
    board = plotting.figure(8, 5)
    with plotting.style():
        _above, _below = board.subfigures(2, 1, height_ratios=[1.5, 1])
        _names = [f"T = {T}" for T in chosen]
        _grid = plotting.panels(_above, ["h = W x, datapoints", "W, features"], _names)
        for _T, (_top, _bottom) in zip(chosen, _grid.T, strict=True):
            _W = chosen[_T].W
            plotting.point_cloud(_top, hidden_vectors(_W, datasets[_T]), plotting.DATAPOINT)
            plotting.point_cloud(_bottom, _W, plotting.FEATURE)
        _ax = _below.subplots()
        for _i, _each in enumerate(models.values()):
            _ax.plot(np.full(4, _i), _each.loss, "o", color=plotting.MUTED, markersize=3)
        _ax.plot(range(4), [each.loss.mean() for each in models.values()], label="test loss")
        _ax.plot(range(4), [each.train_loss.mean() for each in models.values()], label="training")
        plotting.even_axis(_ax.xaxis, list(models))
        _ax.set(ylim=(0, None), xlabel="T, number of datapoints", ylabel="loss")
        _ax.legend()
    board
    return


@app.cell(hide_code=True)
def _(chosen, datasets, models, stored_guess, worst_guess):
    means = {T: each.loss.mean().item() for T, each in models.items()}
    _h, _W = hidden_vectors(chosen[1000].W, datasets[1000]), chosen[1000].W
    _found = [geometry.arrangement(v).item() == "pentagon" for v in (_h, _W)]
    _names = {
        (True, False): "datapoints (hidden vectors h)",
        (False, True): "features (columns of W)",
        (True, True): "both",
        (False, False): "neither",
    }
    mo.vstack(
        [
            outcome(worst_guess.value, str(max(means, key=means.get))),
            outcome(stored_guess.value, _names[tuple(_found)]),
            mo.md(
                "With 5 datapoints the model stores them: the hidden vectors are your pentagon. "
                "With 1,000 it stores five features instead, and forgets the datapoints. In "
                "between it does neither well, and large weights do damage on fresh data. The test "
                "loss rises and falls again: *double descent*."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _(chosen):
    few, more = (np.linalg.norm(chosen[T].W) for T in (5, 30))
    exact_few, exact_more = theory.memoriser_norms([5, 30]).weight_norm
    mo.md(
        f"With 5 datapoints the trained norm of W is {few:.2f}, that of the smallest circle "
        f"{exact_few:.2f}. With 30 the circle has {exact_more:.1f}, which training does not "
        f"reach: it stops at {more:.1f}, with a training loss of "
        f"{chosen[30].train_loss.item():.2f}."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 4: when the bias overtakes

    For the smallest circle $\|W\| = \rho \sqrt T$ and $\|b\| = |\rho^2 - 1| \sqrt T$. From
    which $T$ on is $\|b\|$ the larger one?
    """)
    return


@app.cell
def _():
    overtakes = ...
    return (overtakes,)


@app.cell(hide_code=True)
def check_overtakes(overtakes):
    check(
        overtakes,
        same_as(
            7,
            wrong=[
                (6, "At T = 6, ρ² is 2: ‖W‖² is 12 and ‖b‖² only 6."),
                (5, "At T = 5, ρ² is 1.45, and the bias 0.45 of a datapoint."),
                (4, "At T = 4, ρ is 1, and the bias zero."),
                (3, "At T = 3 the bias is positive, 1/3 of a datapoint, and small."),
                (8, "At T = 8 it is larger, but not for the first time."),
            ],
        ),
        solution="overtakes = 7  # rho^2 - 1 > rho beyond the golden ratio, between T = 6 and 7",
        then="It is where ρ passes the golden ratio.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What the paper says

    Henighan et al. 2023, [Superposition, Memorization, and Double
    Descent](https://transformer-circuits.pub/2023/toy-double-descent/index.html): trained on few
    datapoints, the toy model stores these and not features; on many, features. In between is the
    bump of the test loss. There $n = 10{,}000$ and $S = 0.999$, with 50,000 steps. How high
    the bump is turns on Adam's epsilon, as the last figure shows.
    """)
    return


@app.cell(hide_code=True)
def _():
    deeper(
        "memorization/dimensionality_vs_dataset_size",
        "memorization/features_and_datapoints",
        "memorization/norms_vs_dataset_size",
        "memorization/adam_epsilon",
    )
    return


if __name__ == "__main__":
    app.run()
