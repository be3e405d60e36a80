import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="4. Attention heads")

with app.setup(hide_code=True):
    import jax
    import jax.numpy as jnp
    import marimo as mo
    import numpy as np
    import optax
    from workshop import check, deeper, outcome, prediction, same_as, watch

    import toymodels
    from toymodels import (
        AttentionMixing,
        Axis,
        MixingMatrix,
        OvDraw,
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
    # 4. Attention heads

    **Can two heads do the work of five?**

    An *attentional feature* moves information: from where to where is its pattern $A_k$
    $[\text{tokens}, \text{tokens}]$, what is moved its OV matrix $O_k$. Five of them give
    $y = \mathrm{ReLU}(\sum_k A_k x O_k)$. The patterns are new in each sample, and
    mostly zero; the OV matrices are fixed.

    A model has to imitate them with two heads. Head $j$ has the pattern $\sum_k M_{jk} A_k$ and the
    OV matrix $\sum_l M_{jl} O_l$: only the *mixing matrix* $M$, with two rows and five columns, is
    learned.

    $$y' = \mathrm{ReLU}\Big(\sum_j \big(\sum_k M_{jk} A_k\big) x \big(\sum_l M_{jl} O_l\big)\Big)$$

    It takes about twenty-five minutes.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 1: what carries what

    Sort the sum by products: $y' = \mathrm{ReLU}(\sum_{kl} C_{kl}\, A_k x O_l)$. What is the matrix
    $C$, of shape $[5, 5]$, as a function of $M$, of shape $[2, 5]$?
    """)
    return


@app.function
def coupling(M):
    return ...


@app.cell(hide_code=True)
def check_coupling():
    _M = np.array([[1.0, 0.5, -0.2, 0.0, 2.0], [0.3, -1.0, 0.4, 0.7, 0.1]])
    check(
        coupling,
        same_as(
            lambda M: M.T @ M,
            wrong=[
                (
                    lambda M: M @ M.T,
                    "This is [heads, heads]: sum over the heads, and keep k and l.",
                ),
                (lambda M: M, "M has one index for a head: each product meets M twice."),
                (
                    lambda M: np.outer(M[0], M[0]),
                    "This is the first head's part; the sum is over both.",
                ),
                (
                    lambda M: np.diag(np.diag(M.T @ M)),
                    "The terms with k and l different do not vanish: they are the interference.",
                ),
                (
                    lambda M: np.outer(M.sum(0), M.sum(0)),
                    "Sum over the heads once: pattern and OV matrix belong to the same head.",
                ),
            ],
            at=[(_M,)],
        ),
        solution="""
        def coupling(M):
            return M.T @ M
        """,
        then="It is W^T W of lesson 1. The diagonal is the signal; entry (k, l) is the pattern of "
        "feature k carrying what belongs to feature l.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The toy model in disguise

    So columns of $M$ are arrows in the plane of the two heads. Here are $k$ of length 1 as a
    polygon, and $M^T M$. When pattern 1 alone is on, and each OV matrix writes to outputs of its
    own, the ReLU acts on each of its entries by itself: red ones, which are negative, cost nothing.
    """)
    return


@app.cell(hide_code=True)
def _():
    k = mo.ui.slider(3, 10, 1, value=5, label="number of attentional features k", show_value=True)
    k
    return (k,)


@app.cell
def _(k):
    polygon = theory.regular_polygon(k.value)
    by_hand = plotting.figure(7, 2.6)
    with plotting.style():
        _arrows, _before, _after = by_hand.subplots(1, 3)
        plotting.feature_arrows(_arrows, polygon, plotting.feature_colors(k.value))
        plotting.heat_map(_before, geometry.gram(polygon))
        plotting.heat_map(_after, np.maximum(geometry.gram(polygon), 0))
        _arrows.set_title("columns of M")
        _before.set_title("$M^T M$")
        _after.set_title("after the ReLU")
    by_hand
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 2: the price of a polygon

    Pattern 1 alone is on. What passes the ReLU of the other features is
    $\sum_{l \ne 1} \max(0, \cos \theta_{1l})^2$, in units of a dropped feature's loss, for a
    regular polygon with $k$ corners (length 1, no bias). Compute it for any $k \ge 3$.
    """)
    return


@app.function
def price(k):
    return ...


@app.cell(hide_code=True)
def check_price():
    def _cosines(k):
        return np.cos(2 * np.pi * np.arange(1, k) / k)

    check(
        price,
        same_as(
            lambda k: np.sum(np.maximum(_cosines(k), 0) ** 2),
            wrong=[
                (
                    lambda k: np.sum(_cosines(k) ** 2),
                    "The ReLU removes the negative ones: clip before you square.",
                ),
                (lambda k: np.sum(np.maximum(_cosines(k), 0)), "The loss is a squared error."),
                (
                    lambda k: np.sum(np.maximum(_cosines(k), 0) ** 2) + 1,
                    "Leave out feature 1 itself: its cosine is 1.",
                ),
                (
                    lambda k: np.cos(2 * np.pi / k) ** 2 * (k > 4),
                    "There are neighbours on both sides.",
                ),
            ],
            at=[(3,), (4,), (5,), (8,)],
        ),
        solution="""
        def price(k):
            cosines = np.cos(2 * np.pi * np.arange(1, k) / k)
            return np.sum(np.maximum(cosines, 0) ** 2)
        """,
        then="0 for a square, 0.19 for a pentagon, 1 for an octagon: there is no bias to help, so "
        "the polygons with many corners do not pay.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Predict, then train

    Five attentional features, two heads, and two kinds of OV matrices: *disjoint* ones, each of
    which writes to outputs of its own, and *dense* ones, all of which write to all outputs.
    """)
    return


@app.cell(hide_code=True)
def _():
    count_guess = prediction(
        "Disjoint OV matrices, patterns with S = 0.99: how many columns of M are longer than 1/2?",
        ["two", "three", "four", "five"],
    )
    count_guess
    return (count_guess,)


@app.cell(hide_code=True)
def _():
    dense_guess = prediction(
        "Dense OV matrices, patterns as sparse: the five columns of M",
        ["form a pentagon", "form another polygon", "lie in one half of the plane"],
    )
    dense_guess
    return (dense_guess,)


@app.cell
def _(count_guess, dense_guess):
    mo.stop(
        count_guess.value is None or dense_guess.value is None,
        mo.md("*Commit to both predictions: the training starts then.*"),
    )
    draw = OvDraw.of(5, 10, key=jax.random.key(0))
    kinds = jnp.stack([draw.blocks(), draw.sparse(1.0)])

    def problem(ovs, sparsity):
        objective = AttentionMixing(
            lambda key: MixingMatrix(5, 2, 10, key=key),
            ovs,
            sparsity,
            tokens=4,
            test_samples=2**10,
        )
        return objective, optax.adam(optax.cosine_decay_schedule(2e-2, 600))

    _axes = [
        Axis("ovs", ["disjoint", "dense"], kinds),
        Axis("sparsity", [0.5, 0.9, 0.99]),
        Axis.seeds(8),
    ]
    with watch("48 pairs of heads") as _report:
        heads = train(problem, _axes, steps=600, key=jax.random.key(0), report=_report)
    best = best_of(heads)
    return best, heads


@app.cell(hide_code=True)
def _(best, count_guess, dense_guess):
    rare = best.M.sel(sparsity=0.99)
    _count = geometry.represented_count(rare.sel(ovs="disjoint")).item()
    _names = {"pentagon": "form a pentagon", "cone": "lie in one half of the plane"}
    _dense = geometry.arrangement(rare.sel(ovs="dense")).item()
    mo.vstack(
        [
            outcome(count_guess.value, ["none", "one", "two", "three", "four", "five"][_count]),
            outcome(dense_guess.value, _names.get(_dense, "form another polygon")),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    kind = mo.ui.radio(["disjoint", "dense"], value="disjoint", label="OV matrices", inline=True)
    kind
    return (kind,)


@app.cell(hide_code=True)
def _():
    S = mo.ui.slider(
        steps=[0.5, 0.9, 0.99], value=0.99, label="sparsity S of the patterns", show_value=True
    )
    S
    return (S,)


@app.cell
def _(S, best, heads, kind):
    board = plotting.figure(8, 2.8)
    with plotting.style():
        _large, _small = board.subfigures(1, 2, width_ratios=[1, 1.6])
        _M = best.M.sel(ovs=kind.value, sparsity=S.value)
        _arrows, _gram = _large.subplots(1, 2)
        plotting.polygon_arrows(_arrows, _M)
        plotting.heat_map(_gram, geometry.gram(_M))
        _gram.set_box_aspect(1)
        _large.suptitle(f"{kind.value}, {plotting.sparsity_label(S.value)}: the best, $M^T M$")
        _small.suptitle("all eight seeds")
        _all = heads.M.sel(ovs=kind.value, sparsity=S.value)
        for _ax, _M in zip(_small.subplots(2, 4).flat, _all, strict=True):
            plotting.feature_arrows(_ax, _M, plotting.feature_colors(5))
    board
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 3: when it fails

    If all OV matrices write to the same outputs, or many patterns are on at once, positive and
    negative interference are added *before* the ReLU, which then rarely acts. What is left is
    a linear problem: make $M^T M$ as near to the identity as its rank allows,
    $\min_M \|I - M^T M\|_F^2$. What is the minimum, for five features and two heads?
    """)
    return


@app.cell
def _():
    linear_minimum = ...
    return (linear_minimum,)


@app.cell(hide_code=True)
def check_linear_minimum(linear_minimum):
    check(
        linear_minimum,
        same_as(
            3,
            wrong=[
                (0, "M^T M has rank 2 at most, and the identity rank 5."),
                (2, "Two of five eigenvalues can be 1: count the others."),
                (5, "This is M = 0; two directions can be kept."),
                (np.sqrt(3), "The squared norm is asked for."),
                (
                    7.5,
                    "This is a pentagon of length 1, with the eigenvalue 5/2 twice. Scale it down.",
                ),
            ],
        ),
        solution="linear_minimum = 5 - 2  # the eigenvalues of M^T M are 1, 1, 0, 0, 0",
        then="Any projector onto a plane reaches it, that of a small pentagon as well as two "
        "features with three dropped: nothing selects a geometry.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The squared norm $\|M\|^2 = \mathrm{tr}\, M^T M$ tells the two apart: 2 for a projector onto a
    plane, more if the heads hold more features than that.
    """)
    return


@app.cell
def _(best):
    squares = (best.M**2).sum(["head", "attentional_feature"])
    mo.md(
        "\n".join(
            f"- {row.ovs.item()}: "
            + ", ".join(f"{v.item():.2f} at S = {v.sparsity.item():g}" for v in row)
            for row in squares
        )
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What the source says

    Anthropic's [Circuits Updates, January
    2024](https://transformer-circuits.pub/2024/jan-update/index.html), "Attention superposition":
    attention heads can be in superposition, with a geometry that resembles the toy model's, if the
    OV matrices are sparse; with dense ones it tends not to show. That what matters is whether
    outputs overlap is our finding.
    """)
    return


@app.cell(hide_code=True)
def _():
    deeper("attention/mixing_matrix", "attention/ov_density")
    return


if __name__ == "__main__":
    app.run()
