import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="2. Phase change and geometry")

with app.setup(hide_code=True):
    import jax
    import jax.numpy as jnp
    import marimo as mo
    import numpy as np
    import optax
    from workshop import check, deeper, outcome, prediction, same_as, watch

    import toymodels
    from toymodels import (
        Axis,
        Reconstruction,
        ReluOutput,
        SparseFeatures,
        best_of,
        geometry,
        plotting,
        theory,
        train,
    )

    # all cores, and what is compiled is kept: before JAX's first use
    toymodels.setup()


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 2. Phase change and geometry

    **When do features share a dimension, and in which arrangement?**

    The smallest case: two features and one hidden dimension, $h = w_1 x_1 + w_2 x_2$ and
    $x'_i = \mathrm{ReLU}(w_i h + b_i)$. A feature is on with probability $p = 1 - S$, and is then
    uniform on $[0, 1]$. The second has the importance $r$, the first 1:

    $$L = \mathbb{E}\,[(x_1 - x'_1)^2 + r\,(x_2 - x'_2)^2].$$

    There are three candidates for the best model. You derive their losses, draw the
    phase diagram from them, and then train it. It takes about thirty minutes.

    | candidate | $w$ | $b$ |
    | --- | --- | --- |
    | keep the first | $(1, 0)$ | $(0, p/2)$ |
    | keep the second | $(0, 1)$ | $(p/2, 0)$ |
    | keep both, as a pair | $(1, -1)$ | $(0, 0)$ |
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 1: the loss of a dropped feature

    If a feature is dropped, the output is its mean $p/2$, whatever the input. What is the expected
    squared error (without importance)? An active feature has the mean $1/2$ and the mean
    square $1/3$.
    """)
    return


@app.function
def dropped(p):
    return ...


@app.cell(hide_code=True)
def check_dropped():
    check(
        dropped,
        same_as(
            lambda p: p / 3 - p**2 / 4,
            wrong=[
                (lambda p: p / 3, "This is the error of the output 0; p/2 is better."),
                (
                    lambda p: p / 12,
                    "This is p times the variance when on. The mean of all samples is p/2, and is "
                    "squared with its p: samples in which the feature is off have an error too.",
                ),
                (lambda p: p / 3 + p**2 / 4, "E[(x - c)^2] = E[x^2] - 2 c E[x] + c^2: mind 2c."),
                (lambda p: p / 3 - p**2 / 2, "E[(x - c)^2] = E[x^2] - 2 c E[x] + c^2: add c^2."),
            ],
            at=[(0.1,), (0.5,), (1.0,)],
        ),
        solution="""
        def dropped(p):
            # E[x^2] - E[x]^2, the variance
            return p / 3 - (p / 2) ** 2
        """,
        then="It is the variance of the feature. Keeping the first costs r times this.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 2: the loss of a pair

    With $w = (1, -1)$ and no bias, the outputs are $\mathrm{ReLU}(x_1 - x_2)$ and
    $\mathrm{ReLU}(x_2 - x_1)$. If at most one feature is on, both are exact. If both are on, which
    has the probability $p^2$, each output is wrong by $\min(x_1, x_2)$, and
    $\mathbb{E}\,[\min(x_1, x_2)^2] = 1/6$. What is the loss, with the importances 1 and $r$?
    """)
    return


@app.function
def pair(p, r):
    return ...


@app.cell(hide_code=True)
def check_pair():
    check(
        pair,
        same_as(
            lambda p, r: (1 + r) * p**2 / 6,
            wrong=[
                (lambda p, r: p**2 / 6, "This is the error of the first; the second has one too."),
                (lambda p, r: r * p**2 / 6, "This is the error of the second alone."),
                (lambda p, r: p**2 / 3, "The second error counts r times."),
                (lambda p, r: (1 + r) / 6, "How often are both on?"),
                (lambda p, r: (1 + r) * p / 6, "Both are on with probability p^2, and not p."),
                (
                    lambda p, r: (1 + r) * p * (1 - p) / 3,
                    "This is for exactly one feature on, when the outputs are exact.",
                ),
            ],
            at=[(0.1, 1.0), (0.5, 0.3), (1.0, 2.0)],
        ),
        solution="""
        def pair(p, r):
            return (1 + r) * p**2 / 6
        """,
        then="It falls as p^2, and the loss of a dropped feature as p: sparsity favours the pair.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The three losses

    Move $r$, and watch where the lowest line changes. It changes abruptly: two lines cross, and
    the model jumps from one solution to another. This is why it is called a phase change.
    """)
    return


@app.cell(hide_code=True)
def _():
    r = mo.ui.slider(
        steps=[0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0],
        value=0.5,
        label="relative importance r",
        show_value=True,
    )
    r
    return (r,)


@app.cell
def _(r):
    density = np.geomspace(0.01, 1, 200)
    losses = theory.ansatz_losses(density, r.value)
    crossing = plotting.figure(6.5, 2.8)
    with plotting.style():
        _ax = crossing.subplots()
        for _loss, _name in zip(losses, ["keep the first", "keep the second", "pair"], strict=True):
            _ax.plot(density, _loss / density, label=_name)
        _ax.plot(density, np.min(losses, axis=0) / density, color=plotting.INK, linestyle=":")
        plotting.log_axis(_ax.xaxis, [0.01, 0.03, 0.1, 0.3, 1])
        _ax.set(xlabel="p = 1 - S", ylabel="loss / p", ylim=(0, 0.4))
        _ax.legend()
    crossing
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 3: where all three meet

    At $r = 1$ the first two candidates are equally good. At which $p$ is the pair as
    good as they are? Give the exact number.
    """)
    return


@app.cell
def _():
    meeting = ...
    return (meeting,)


@app.cell(hide_code=True)
def check_meeting(meeting):
    check(
        meeting,
        same_as(
            4 / 7,
            wrong=[
                (4 / 5, "The pair has two errors of p^2/6, at r = 1 together p^2/3."),
                (1.0, "Compare with a feature whose mean is predicted, p/3 - p^2/4, and not p/3."),
                (3 / 7, "This is a sparsity; the density p = 1 - S is asked for."),
                (0, "At p = 0 no loss is left to compare: divide both by p first."),
            ],
        ),
        solution="meeting = 4 / 7  # 1/3 - p/4 = p/3, so 1/3 = 7p/12",
        then="At higher densities no pair is worth it, whatever the importances.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your diagram

    This is drawn from your two functions: at each point, the candidate with the lowest loss. White
    is where the second feature is not learned, blue where it has the dimension for itself, red
    where it shares it. (In the diagrams sparsity increases upwards.)
    """)
    return


@app.cell
def _():
    cells = (np.arange(16) + 0.5) / 16
    ps, rs = 10.0 ** (-2 * cells), 10.0 ** (2 * cells - 1)
    mo.stop(
        dropped(0.5) is ... or pair(0.5, 1.0) is ...,
        mo.md("*It waits for exercises 1 and 2; a solution is in the fold of each.*"),
    )
    candidates = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    by_hand = np.array(
        [[np.argmin([r * dropped(p), dropped(p), pair(p, r)]) for r in rs] for p in ps]
    )
    drawn = plotting.figure(3.6, 3.2)
    with plotting.style():
        _W = candidates[by_hand][..., None, :]
        _norm, _shared = geometry.norms(_W)[..., 1], geometry.superposition(_W)[..., 1]
        plotting.phase_map(drawn.subplots(), rs, ps, _norm, _shared)
    drawn
    return by_hand, ps, rs


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Predict, then train

    2,048 models are trained now, eight seeds at each of 256 points. In what share of the points
    will the best of the eight be in the phase that your diagram says? And what share of all the
    models, without a choice of the best?
    """)
    return


@app.cell(hide_code=True)
def _():
    best_guess = prediction(
        "The best of eight agree in", ["under 50 %", "50 to 80 %", "80 to 95 %", "over 95 %"]
    )
    best_guess
    return (best_guess,)


@app.cell(hide_code=True)
def _():
    single_guess = prediction(
        "Single models agree in", ["under 50 %", "50 to 80 %", "80 to 95 %", "over 95 %"]
    )
    single_guess
    return (single_guess,)


@app.cell
def _(best_guess, ps, rs, single_guess):
    mo.stop(
        best_guess.value is None or single_guess.value is None,
        mo.md("*Commit to both predictions: the training starts then.*"),
    )

    def two_features(sparsity, relative_importance):
        importance = jnp.stack([jnp.ones(()), relative_importance])
        features = SparseFeatures(2, sparsity=sparsity, importance=importance)
        objective = Reconstruction(features, lambda key: ReluOutput(2, 1, key=key), 256)
        return objective, optax.adam(optax.cosine_decay_schedule(2e-2, 1000))

    _axes = [Axis("sparsity", 1 - ps), Axis("relative_importance", rs), Axis.seeds(8)]
    with watch("2,048 models of two features") as _report:
        trained = train(
            two_features,
            _axes,
            steps=1000,
            key=jax.random.key(0),
            snapshots=[0],
            report=_report,
        )
    return (trained,)


@app.cell(hide_code=True)
def _(best_guess, by_hand, ps, rs, single_guess, trained):
    def agrees(models):
        first, second = np.moveaxis(geometry.represented(models.W).values, -1, 0)
        phase = np.where(second, np.where(first, 2, 1), 0)
        return phase == by_hand.reshape(by_hand.shape + (1,) * (phase.ndim - 2))

    def band(share):
        bands = ["under 50 %", "50 to 80 %", "80 to 95 %", "over 95 %"]
        return bands[np.searchsorted([0.5, 0.8, 0.95], share)]

    best_share, single = agrees(best_of(trained)).mean(), agrees(trained)
    opposite = (trained.W_history.sel(snapshot=0).prod("feature") < 0).squeeze("hidden").values
    map_trained = plotting.figure(3.6, 3.2)
    with plotting.style():
        _W = best_of(trained).W
        _norm, _shared = geometry.norms(_W)[..., 1], geometry.superposition(_W)[..., 1]
        plotting.phase_map(map_trained.subplots(), rs, ps, _norm, _shared)
    mo.vstack(
        [
            mo.md(f"Of the best of eight, {best_share:.0%} agree."),
            outcome(best_guess.value, band(best_share)),
            mo.md(f"Of all models, {single.mean():.0%} agree."),
            outcome(single_guess.value, band(single.mean())),
            map_trained,
            mo.md(
                f"Of the models whose two weights *started* with opposite signs, "
                f"{single[opposite].mean():.0%} agree, of the others "
                f"{single[~opposite].mean():.0%}: what a model finds depends on where it starts. "
                "So the papers, and this suite, show the best of several seeds, and say so."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Which polygon?

    Now eight equally important features in two dimensions. Predict the arrangement of the best
    model at $S = 0.95$.
    """)
    return


@app.cell(hide_code=True)
def _():
    polygon_guess = prediction(
        "At S = 0.95 the represented features form a",
        ["square", "pentagon", "hexagon", "octagon"],
    )
    polygon_guess
    return (polygon_guess,)


@app.cell
def _(polygon_guess):
    mo.stop(
        polygon_guess.value is None, mo.md("*Commit to the prediction: the training starts then.*")
    )

    def eight_features(sparsity):
        features = SparseFeatures(8, sparsity=sparsity)
        objective = Reconstruction(features, lambda key: ReluOutput(8, 2, key=key), 512)
        return objective, optax.adam(optax.cosine_decay_schedule(1e-2, 3000))

    polygon_sparsities = [0.5, 0.8, 0.9, 0.95, 0.98]
    with watch("40 models of eight features") as _report:
        polygons = train(
            eight_features,
            [Axis("sparsity", polygon_sparsities), Axis.seeds(8)],
            steps=3000,
            key=jax.random.key(0),
            report=_report,
        )
    best_polygons = best_of(polygons)
    return best_polygons, polygon_sparsities, polygons


@app.cell(hide_code=True)
def _(best_polygons, polygon_guess):
    outcome(polygon_guess.value, geometry.arrangement(best_polygons.W.sel(sparsity=0.95)).item())
    return


@app.cell(hide_code=True)
def _(polygon_sparsities):
    polygon_S = mo.ui.slider(
        steps=polygon_sparsities, value=0.95, label="sparsity S", show_value=True
    )
    polygon_S
    return (polygon_S,)


@app.cell
def _(best_polygons, polygon_S, polygons):
    gallery = plotting.figure(8, 2.8)
    with plotting.style():
        _large, _small = gallery.subfigures(1, 2, width_ratios=[1, 1.8])
        _W = best_polygons.W.sel(sparsity=polygon_S.value)
        plotting.feature_arrows(_large.subplots(), _W, plotting.feature_colors(8))
        _large.suptitle(f"the best: {geometry.arrangement(_W).item()}")
        _small.suptitle("all eight seeds")
        for _ax, _W in zip(
            _small.subplots(2, 4).flat, polygons.W.sel(sparsity=polygon_S.value), strict=True
        ):
            plotting.feature_arrows(_ax, _W, plotting.feature_colors(8))
    gallery
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 4: the share in a polygon

    The dimensionality $D_i = |W_i|^2 / \sum_j (\hat W_i \cdot W_j)^2$ of lesson 1, for a
    regular polygon with $k \ge 3$ corners: what is it, as a function of $k$? (The sum of
    $\cos^2$ over the corners of a regular polygon is $k/2$.)
    """)
    return


@app.function
def share(k):
    return ...


@app.cell(hide_code=True)
def check_share():
    check(
        share,
        same_as(
            lambda k: 2 / k,
            wrong=[
                (lambda k: 1 / k, "k features share two dimensions, and not one."),
                (lambda k: (k - 1) / k, "This is a simplex, which has k - 1 dimensions."),
                (lambda k: k / 2, "This is the sum in the denominator."),
                (lambda k: 1 / 2, "This is a pair or a square. More corners get less each."),
            ],
            at=[(3,), (4,), (5,), (8,)],
        ),
        solution="""
        def share(k):
            return 2 / k
        """,
        then="2/3, 1/2, 2/5, 1/3: these fractions are what models with hundreds of features show.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What the paper says

    Elhage et al. 2022, [Superposition as a Phase
    Change](https://transformer-circuits.pub/2022/toy_model/index.html#phase-change) and [The
    Geometry of Superposition](https://transformer-circuits.pub/2022/toy_model/index.html#geometry):
    there is a first-order phase change between features that are not learned, share a dimension
    or have one. In more dimensions features form uniform polytopes, and their dimensionalities
    cluster at fractions such as 3/4, 2/3, 1/2 and 2/5.

    The true optimum is a little below your three candidates near the boundaries: the first figure
    below shows it.
    """)
    return


@app.cell(hide_code=True)
def _():
    deeper(
        "superposition/phase_diagram_n2_m1",
        "superposition/phase_diagram_n3_m2",
        "superposition/feature_dimensionality",
        "superposition/polytopes",
    )
    return


if __name__ == "__main__":
    app.run()
