import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="5. Finding features again")

with app.setup(hide_code=True):
    import jax
    import marimo as mo
    import numpy as np
    import optax
    from workshop import check, deeper, outcome, prediction, same_as, watch

    import toymodels
    from toymodels import (
        Axis,
        Reconstruction,
        ReluDictionary,
        ReluOutput,
        SparseDictionary,
        SparseFeatures,
        baselines,
        best_of,
        gather,
        plotting,
        recovery,
        resample_dead_units,
        select,
        theory,
        train,
        with_unit_columns,
        with_unit_mean_square,
    )

    # all cores, and what is compiled is kept: before JAX's first use
    toymodels.setup()


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 5. Finding features again

    **Can a method that sees only hidden vectors find the features in them?**

    In lesson 1 a model stored five features in two dimensions. Now you are given its hidden vectors
    $h = W x$ and nothing else. A *sparse autoencoder* explains each as a sum of few columns of a
    dictionary $D$,

    $$f = \mathrm{ReLU}(W_e (h - c) + b), \qquad h' = D f + c, \qquad
    L = \mathbb{E}\,[\,|h - h'|^2 + \lambda \sum_i f_i\,].$$

    Here the true features, the columns of $W$, are known, so you can see what it finds
    and what it invents. It takes about twenty-five minutes.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 1: a measure

    The *mean max cosine similarity* (MMCS): for each true feature the largest cosine with
    any column of the dictionary, averaged over the true features. Write it for `truth`
    $[d, n]$ and `dictionary` $[d, k]$, whose columns may have any length.
    """)
    return


@app.function
def mmcs(truth, dictionary):
    return ...


@app.cell(hide_code=True)
def check_mmcs():
    def _unit(columns):
        return columns / np.linalg.norm(columns, axis=0)

    _truth = np.array([[1.0, 0.0, 2.0, -1.0], [0.0, 3.0, 1.0, -1.0]])
    _dictionary = np.array([[2.0, 1.0, 0.0], [0.5, 1.0, -4.0]])
    check(
        mmcs,
        same_as(
            lambda truth, dictionary: recovery.mmcs(truth, dictionary),
            wrong=[
                (
                    lambda t, d: (_unit(t).T @ _unit(d)).max(axis=0).mean(),
                    "This is the best feature for each column: take the best column for each "
                    "feature.",
                ),
                (
                    lambda t, d: (t.T @ d).max(axis=1).mean(),
                    "These are inner products; divide all columns by their lengths.",
                ),
                (
                    lambda t, d: np.abs(_unit(t).T @ _unit(d)).max(axis=1).mean(),
                    "A column in the opposite direction is not the feature: codes are positive.",
                ),
                (lambda t, d: (_unit(t).T @ _unit(d)).max(), "Average over the true features."),
                (
                    lambda t, d: (_unit(t).T @ _unit(d)).mean(),
                    "First the largest cosine of each feature, then the mean.",
                ),
            ],
            at=[(_truth, _dictionary)],
        ),
        solution="""
        def mmcs(truth, dictionary):
            truth = truth / np.linalg.norm(truth, axis=0)
            dictionary = dictionary / np.linalg.norm(dictionary, axis=0)
            return (truth.T @ dictionary).max(axis=1).mean()
        """,
        then="In the suite it is recovery.mmcs.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What a number near 1 is worth

    A pentagon of true features (blue), and $k$ directions at equal angles (rings) that know nothing
    of it. Turn them, and add some.
    """)
    return


@app.cell(hide_code=True)
def _():
    turned = mo.ui.slider(0, 72, 3, value=18, label="turned by (degrees)", show_value=True)
    turned
    return (turned,)


@app.cell(hide_code=True)
def _():
    count = mo.ui.slider(3, 20, 1, value=5, label="number of directions k", show_value=True)
    count
    return (count,)


@app.cell
def _(count, turned):
    pentagon = theory.regular_polygon(5)
    _angle = np.radians(turned.value)
    turn = np.array([[np.cos(_angle), -np.sin(_angle)], [np.sin(_angle), np.cos(_angle)]])
    blind = turn @ theory.regular_polygon(count.value)
    guessing = plotting.figure(2.8, 2.8)
    with plotting.style():
        _ax = guessing.subplots()
        plotting.directions_over(_ax, pentagon, blind)
        _ax.set_title(f"MMCS {recovery.mmcs(pentagon, blind):.3f}")
    guessing
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 2: the worst five

    What is the lowest MMCS that five directions at equal angles can have with the
    pentagon? Give the exact number.
    """)
    return


@app.cell
def _():
    worst = ...
    return (worst,)


@app.cell(hide_code=True)
def check_worst(worst):
    check(
        worst,
        same_as(
            np.cos(np.radians(36)),
            wrong=[
                (np.cos(np.radians(72)), "Turned by 72 degrees the pentagon is itself again."),
                (np.cos(np.radians(18)), "Turned by 18 degrees it is half way to the worst."),
                (0, "In the plane five directions cannot be orthogonal to all features."),
                (-1, "The opposite direction has two neighbours at 36 degrees."),
                (np.cos(36), "36 are degrees here: np.radians(36)."),
            ],
        ),
        solution="worst = np.cos(np.radians(36))  # 0.809, half way between two corners",
        then="In two dimensions 0.8 is nothing. Compare an MMCS with that of random directions.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 3: the penalty shortens codes

    A hidden vector of length $a$ lies exactly along a column of length 1. Its code $f \ge 0$
    minimises $(a - f)^2 + \lambda f$. Write $f$ as a function of $a$ and $\lambda$.
    """)
    return


@app.function
def code(a, l1):
    return ...


@app.cell(hide_code=True)
def check_code():
    check(
        code,
        same_as(
            lambda a, l1: max(a - l1 / 2, 0.0),
            wrong=[
                (lambda a, l1: max(a - l1, 0.0), "The derivative of the square is 2 (f - a)."),
                (lambda a, l1: a - l1 / 2, "A code is not negative: what if l1 > 2 a?"),
                (lambda a, l1: a / (1 + l1), "This is for a penalty on f^2; here it is on f."),
                (lambda a, l1: max(a + l1 / 2, 0.0), "Mind the sign: a penalty makes it smaller."),
                (lambda a, l1: a, "This has no error, but a smaller f costs less penalty."),
            ],
            at=[(1.0, 0.0), (1.0, 0.4), (0.3, 0.2), (0.1, 0.8)],
        ),
        solution="""
        def code(a, l1):
            # 2 (f - a) + l1 = 0, unless that is negative
            return max(a - l1 / 2, 0.0)
        """,
        then="So reconstructions are too short, and vectors below l1 / 2 have no code at all.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Predict, then train

    Autoencoders with dictionaries of 3, 5, 10 and 20 columns are trained on the hidden vectors of a
    pentagon ($S = 0.95$). A column *points at* a feature if their cosine is above 0.95.
    """)
    return


@app.cell(hide_code=True)
def _():
    few_guess = prediction(
        "A dictionary of three columns, for five features (λ = 0.4): how many of the three point "
        "at a feature?",
        ["none", "one", "two", "three"],
    )
    few_guess
    return (few_guess,)


@app.cell(hide_code=True)
def _():
    random_guess = prediction(
        "Twenty random directions in the plane: what is their MMCS with the five features?",
        ["below 0.5", "0.5 to 0.8", "0.8 to 0.95", "above 0.95"],
    )
    random_guess
    return (random_guess,)


@app.cell
def _(few_guess, random_guess):
    mo.stop(
        few_guess.value is None or random_guess.value is None,
        mo.md("*Commit to both predictions: the training starts then.*"),
    )

    def toy_model(sparsity):
        features = SparseFeatures(5, sparsity=sparsity, importance=0.9 ** np.arange(5))
        objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 512)
        return objective, optax.adamw(1e-2, weight_decay=1e-2)

    with watch("the model of lesson 1") as _report:
        toys = train(
            toy_model,
            [Axis("sparsity", [0.95]), Axis.seeds(8)],
            steps=2000,
            key=jax.random.key(0),
            report=_report,
        )
    W = best_of(toys).W.sel(sparsity=0.95).values
    x = SparseFeatures(5, sparsity=0.95).sample_active(jax.random.key(1), 2**14)
    h = with_unit_mean_square(W @ np.asarray(x))

    def autoencoder(size, h, l1):
        objective = SparseDictionary(
            lambda key: ReluDictionary(2, size, key=key), h, l1, batch_size=1024
        )
        return objective, with_unit_columns(optax.adam(5e-3))

    penalties = [0.05, 0.2, 0.4, 0.8, 1.6]
    trained = []
    for _size in (3, 5, 10, 20):
        with watch(f"20 autoencoders with {_size} columns") as _report:
            _models = train(
                lambda h, l1, size=_size: autoencoder(size, h, l1),
                [Axis("l1", penalties), Axis.seeds(4)],
                steps=1500,
                key=jax.random.key(2),
                data={"h": h},
                refreshes=resample_dead_units(1500),
                report=_report,
            )
        trained.append(_models.assign_coords(columns=_size))
    dictionaries = gather(trained)  # models of several sizes; `select` finds them again
    return W, dictionaries, h, penalties


@app.cell(hide_code=True)
def _(W, dictionaries, few_guess, random_guess):
    def pointing(learned):
        return int((recovery.max_cosines(learned, W) > 0.95).sum())

    _three = best_of(select(dictionaries, columns=3)).W_dec.sel(l1=0.4).values
    _random = np.mean(
        [recovery.mmcs(W, baselines.random_directions(2, 20, seed=s)) for s in range(20)]
    )
    _bands = ["below 0.5", "0.5 to 0.8", "0.8 to 0.95", "above 0.95"]
    mo.vstack(
        [
            outcome(few_guess.value, ["none", "one", "two", "three"][pointing(_three)]),
            outcome(
                random_guess.value, _bands[np.searchsorted([0.5, 0.8, 0.95], np.mean(_random))]
            ),
        ]
    )
    return (pointing,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Found and invented

    Choose a size and a penalty. Rings on no arrow are invented: the autoencoder uses them, and the
    model has no such feature. All four seeds are drawn; the hidden vectors are the grey dots.
    """)
    return


@app.cell(hide_code=True)
def _():
    columns = mo.ui.slider(
        steps=[3, 5, 10, 20], value=5, label="columns of the dictionary", show_value=True
    )
    columns
    return (columns,)


@app.cell(hide_code=True)
def _(penalties):
    l1 = mo.ui.slider(steps=penalties, value=0.8, label="penalty λ", show_value=True)
    l1
    return (l1,)


@app.cell
def _(W, columns, dictionaries, h, l1, pointing):
    board = plotting.figure(8, 2.5)
    with plotting.style():
        _seeds = select(dictionaries, columns=columns.value).sel(l1=l1.value)
        for _ax, _D in zip(board.subplots(1, 4), _seeds.W_dec, strict=True):
            _ax.plot(*h[:, :400], ".", color=plotting.FAINT, markersize=2, zorder=0)
            plotting.directions_over(_ax, W, _D, limit=1.6)
            _ax.set_title(
                f"MMCS {recovery.mmcs(W, _D.values):.3f}\n"
                f"{columns.value - pointing(_D.values)} of {columns.value} invented"
            )
    board
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Three columns do not take three of the features: they lie between. Five find all five, in most
    seeds, if the penalty is neither too small nor too large. Of twenty some are invented, although
    the MMCS is near 1; random directions have that as well. In real models the true features are
    not known, so none of this can be seen there.
    """)
    return


@app.cell
def _(W, dictionaries, penalties, pointing):
    summary = plotting.figure(7, 2.6)
    with plotting.style():
        _sizes = [3, 5, 10, 20]
        _left, _right = summary.subplots(1, 2)
        for _size, _color in zip(_sizes, plotting.ordered_colors(4), strict=True):
            _seeds = select(dictionaries, columns=_size).W_dec
            _scores = [
                [recovery.mmcs(W, D.values).item() for D in _seeds.sel(l1=each)]
                for each in penalties
            ]
            _share = [
                [1 - pointing(D.values) / _size for D in _seeds.sel(l1=each)] for each in penalties
            ]
            _left.plot(range(5), np.mean(_scores, axis=1), color=_color, label=f"{_size} columns")
            _right.plot(range(5), np.mean(_share, axis=1), color=_color)
        for _ax, _name in ((_left, "MMCS"), (_right, "share of columns invented")):
            plotting.even_axis(_ax.xaxis, penalties)
            _ax.set(xlabel="penalty λ", ylabel=_name)
        _left.legend()
    summary
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What the papers say

    Sharkey et al. 2022, [Taking features out of superposition with sparse
    autoencoders](https://www.lesswrong.com/posts/z6QQJbtpkEAX3Aojj/interim-research-report-taking-features-out-of-superposition),
    recover the features of synthetic data, and introduce the MMCS. With dense features
    nothing tells one basis from another, and recovery fails. On MNIST, dictionaries of a small
    network find templates rather than strokes ([Circuits Updates, January
    2024](https://transformer-circuits.pub/2024/jan-update/index.html)).
    """)
    return


@app.cell(hide_code=True)
def _():
    deeper("dictionary_learning/toy_recovery", "mnist/templates", "mnist/hidden_neurons")
    return


if __name__ == "__main__":
    app.run()
