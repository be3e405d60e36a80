import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="1. What superposition is")

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
    # 1. What superposition is

    **Can two neurons store five features?**

    An input $x$ has five features. Each is off with probability $S$, the *sparsity*; if it is on,
    it is uniform on $[0, 1]$. A model squeezes $x$ into two hidden dimensions and has to give all
    five back:

    $$h = W x, \qquad x' = \mathrm{ReLU}(W^T h + b).$$

    Column $W_i$ of $W$ is the *direction* of feature $i$: an arrow in the plane. Feature $i$ is
    *represented* if its arrow is longer than $1/2$. A linear model could keep two features, one
    for each dimension. You will see what the ReLU makes of it, in about twenty minutes.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Interference

    Here $k$ arrows of length 1 share the plane, and only feature 1 is on, $x_1 = 1$. On the right
    is what comes out, before and after the ReLU. The other features receive $W_1 \cdot W_i$ each,
    which they should not: this is *interference*. Add features, then lower the bias until
    the interference is gone. What does it cost feature 1?
    """)
    return


@app.cell(hide_code=True)
def _():
    k = mo.ui.slider(3, 8, 1, value=5, label="number of features k", show_value=True)
    k
    return (k,)


@app.cell(hide_code=True)
def _():
    bias = mo.ui.slider(-1.0, 0.2, 0.05, value=0.0, label="bias b, of each", show_value=True)
    bias
    return (bias,)


@app.cell
def _(bias, k):
    polygon = theory.regular_polygon(k.value)
    received = geometry.gram(polygon)[0] + bias.value  # W^T W x + b for x = (1, 0, 0, ...)
    picture = plotting.figure(7, 2.6)
    with plotting.style():
        arrows, bars = picture.subplots(1, 2)
        plotting.feature_arrows(arrows, polygon, plotting.feature_colors(k.value))
        places = np.arange(1, k.value + 1)
        bars.bar(places, received, color=plotting.FAINT, label="before the ReLU")
        bars.bar(places, np.maximum(received, 0), 0.4, color=plotting.FEATURE, label="after it")
        bars.axhline(1, color=plotting.MUTED, linewidth=0.8, linestyle=":")
        bars.set(xlabel="feature", ylabel="output", ylim=(-2.1, 1.3), xticks=places)
        bars.legend(loc="lower right")
    picture
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 1: a bias for the pentagon

    Five arrows of length 1 form a regular pentagon. What is the largest bias (the one nearest to
    zero) at which no other feature receives anything when feature 1 is on, $x_1 = 1$? Give the
    exact number; `np.cos(np.radians(30))` is a cosine.
    """)
    return


@app.cell
def _():
    pentagon_bias = ...
    return (pentagon_bias,)


@app.cell(hide_code=True)
def check_pentagon_bias(pentagon_bias):
    check(
        pentagon_bias,
        same_as(
            -np.cos(np.radians(72)),
            wrong=[
                (
                    np.cos(np.radians(72)),
                    "Mind the sign: a positive bias adds to what the others receive.",
                ),
                (
                    -np.cos(np.radians(36)),
                    "Neighbours in a pentagon are 360/5 = 72 degrees apart, not 36.",
                ),
                (-1.0, "This silences feature 1 as well: it receives 1 + b."),
                (0.0, "The neighbours receive a positive number without a bias: look at the bars."),
            ],
        ),
        solution="pentagon_bias = -np.cos(np.radians(360 / 5))  # -0.309",
        then="Feature 1 now gives 1 - 0.309: trained arrows are longer than 1 to make up for it.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Predict, then train

    The importances of the five features decrease a little, $I_i = 0.9^i$, and the loss is
    $\mathbb{E} \sum_i I_i (x_i - x'_i)^2$. How many arrows will be longer than 1/2
    after training?
    """)
    return


@app.cell(hide_code=True)
def _():
    dense_guess = prediction(
        "S = 0: all five features are always on.", ["none", "one", "two", "four", "five"]
    )
    dense_guess
    return (dense_guess,)


@app.cell(hide_code=True)
def _():
    sparse_guess = prediction(
        "S = 0.95: each is on once in twenty samples.", ["none", "one", "two", "four", "five"]
    )
    sparse_guess
    return (sparse_guess,)


@app.cell
def _():
    sparsities = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98]
    importance = 0.9 ** np.arange(5)

    def problem(sparsity):
        features = SparseFeatures(5, sparsity=sparsity, importance=importance)
        objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key))
        return objective, optax.adamw(1e-2, weight_decay=1e-2)

    return importance, problem, sparsities


@app.cell
def _(dense_guess, problem, sparse_guess, sparsities):
    mo.stop(
        dense_guess.value is None or sparse_guess.value is None,
        mo.md("*Commit to both predictions: the training starts then.*"),
    )
    with watch("64 models: eight sparsities, eight seeds each") as _report:
        models = train(
            problem,
            [Axis("sparsity", sparsities), Axis.seeds(8)],
            steps=3000,
            key=jax.random.key(0),
            report=_report,
        )
    best = best_of(models)  # of the eight seeds, that with the lowest test loss
    return best, models


@app.cell(hide_code=True)
def _(best, dense_guess, sparse_guess):
    words = ["none", "one", "two", "three", "four", "five"]
    counts = geometry.represented_count(best.W)
    mo.vstack(
        [
            mo.md("S = 0"),
            outcome(dense_guess.value, words[counts.sel(sparsity=0.0).item()]),
            mo.md("S = 0.95"),
            outcome(sparse_guess.value, words[counts.sel(sparsity=0.95).item()]),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## All sparsities, all seeds

    Move the slider. The large picture is the best of the eight seeds, the small ones are all of
    them, each with its loss: not every seed finds the best arrangement. Between two arrows in
    opposite directions the interference is negative, and the ReLU removes it.
    """)
    return


@app.cell(hide_code=True)
def _(sparsities):
    S = mo.ui.slider(steps=sparsities, value=0.8, label="sparsity S", show_value=True)
    S
    return (S,)


@app.cell
def _(S, best, importance, models):
    shades = plotting.importance_colors(importance)
    board = plotting.figure(8, 3)
    with plotting.style():
        large, small = board.subfigures(1, 2, width_ratios=[1, 1.8])
        plotting.feature_arrows(large.subplots(), best.W.sel(sparsity=S.value), shades)
        large.suptitle(f"{plotting.sparsity_label(S.value)}, the best")
        small.suptitle("all eight, and their losses")
        seen = models.sel(sparsity=S.value)
        for _ax, _model in zip(small.subplots(2, 4).flat, seen.seed, strict=True):
            plotting.feature_arrows(_ax, seen.W.sel(seed=_model), shades)
            _ax.set_title(f"{seen.loss.sel(seed=_model).item():.4f}")
    board
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 2: how often do features meet?

    With one feature on, negative interference costs nothing. It costs something only in samples
    in which at least two of the five features are on. Write the probability of such a sample as a
    function of $S$.
    """)
    return


@app.function
def meet(S):
    return ...


@app.cell(hide_code=True)
def check_meet():
    check(
        meet,
        same_as(
            lambda S: 1 - S**5 - 5 * (1 - S) * S**4,
            wrong=[
                (lambda S: 1 - S**5, "This is the probability that at least one is on."),
                (lambda S: (1 - S) ** 2, "This is for two given features; there are ten pairs."),
                (
                    lambda S: 10 * (1 - S) ** 2 * S**3,
                    "This is for exactly two; three and more count as well.",
                ),
                (
                    lambda S: 10 * (1 - S) ** 2,
                    "Samples with three features on have three pairs, and are counted three times.",
                ),
                (
                    lambda S: 1 - S**5 - (1 - S) * S**4,
                    "Any of the five may be the one that is on alone.",
                ),
            ],
            at=[(0.0,), (0.5,), (0.8,), (0.95,)],
        ),
        solution="""
        def meet(S):
            return 1 - S**5 - 5 * (1 - S) * S**4
        """,
        then="At S = 0 it is every sample, at S = 0.95 one in 44: interference becomes rare "
        "faster than features do.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 3: the share of a dimension

    The *dimensionality* of feature $i$ is its share of the hidden dimensions,

    $$D_i = \frac{|W_i|^2}{\sum_j (\hat W_i \cdot W_j)^2}, \qquad \hat W_i = W_i / |W_i|.$$

    The sum is over all $j$, with $j = i$. Compute it for all columns of $W$ at once; `W.T @ W` has
    all inner products, and no arrow here has length 0.
    """)
    return


@app.function
def dimensionality(W):
    return ...


@app.cell(hide_code=True)
def check_dimensionality():
    def _with(power, own):
        def wrong(W):
            products, squares = W.T @ W, np.sum(W**2, axis=0)
            sums = np.sum(products**2, axis=1) - (0 if own else squares**2)
            return squares**power / sums

        return wrong

    check(
        dimensionality,
        same_as(
            geometry.dimensionality,
            wrong=[
                (
                    _with(1, True),
                    "The direction in the sum has length 1: divide W_i by its length.",
                ),
                (_with(2, False), "The sum is over all j, with j = i."),
                (
                    lambda W: geometry.norms(W) ** 2 / (geometry.superposition(W) + 1),
                    "The feature's own term is its squared length, and not 1.",
                ),
                (
                    lambda W: geometry.dimensionality(W / geometry.norms(W)),
                    "Only the direction of W_i has length 1, the W_j keep theirs.",
                ),
            ],
            at=[(1.3 * theory.regular_polygon(5),), (np.array([[2.0, 1.0, -0.5], [0.5, -1, 1]]),)],
        ),
        solution="""
        def dimensionality(W):
            squares = np.sum(W**2, axis=0)
            return squares**2 / np.sum((W.T @ W) ** 2, axis=1)
        """,
        then="In the suite it is geometry.dimensionality.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Now look at the best models: 1 for a feature alone, 1/2 in a pair, 2/5 in a pentagon, 0 if it is
    not learned. The sum over the features is 2 at most, the number of dimensions.
    """)
    return


@app.cell
def _(best, importance, sparsities):
    strip = plotting.figure(7, 2.6)
    with plotting.style():
        _ax = strip.subplots()
        _shades = plotting.importance_colors(importance)
        plotting.dot_strip(_ax, range(len(sparsities)), geometry.dimensionality(best.W), _shades)
        plotting.even_axis(_ax.xaxis, sparsities)
        _ax.set(xlabel="sparsity S", ylabel="dimensionality")
    strip
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What the paper says

    Elhage et al. 2022, [Toy Models of
    Superposition](https://transformer-circuits.pub/2022/toy_model/index.html), begins with this
    experiment. As sparsity increases, models go from two orthogonal features to
    antipodal pairs to a pentagon. They "simulate" a larger network in which each feature has a
    neuron of its own, at the price of interference, and sparsity makes the price small.

    To play with single models, open the page `lessons/playground.html` in a browser. These
    figures of the suite go deeper:
    """)
    return


@app.cell(hide_code=True)
def _():
    deeper(
        "superposition/intro_2d",
        "superposition/linear_vs_relu",
        "superposition/correlated_features",
    )
    return


if __name__ == "__main__":
    app.run()
