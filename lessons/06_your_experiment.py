import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="6. Design your own experiment")

with app.setup(hide_code=True):
    from collections.abc import Iterator
    from functools import partial

    import jax
    import marimo as mo
    import numpy as np
    import xarray as xr
    from matplotlib.figure import Figure
    from workshop import as_script, check, deeper, outcome, prediction, watch

    import toymodels
    import toymodels as tm
    from toymodels import figure as fig
    from toymodels import geometry, plotting

    # all cores, and what is compiled is kept: before JAX's first use
    toymodels.setup()


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 6. Design your own experiment

    **How often does training find the best arrangement?**

    The lessons showed the best of several seeds. How lucky must one be? You write an experiment
    that answers it: its settings, its training, its claims. In the end it is a script of the suite.
    When it stands, change it: another question is a few lines away. It takes about forty minutes.

    An experiment has four parts, and each sees only what it needs:

    | part | what it is |
    | --- | --- |
    | `Spec` | the settings, with a type that refuses nonsense |
    | `run(lab)` | trains, and returns a Dataset with named dimensions |
    | `plot(data)` | draws from the Dataset alone |
    | `claims(data)` | says what should be seen, and measures it |
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 1: the settings

    Add a field `sparsity` whose default is the sweep 0.5, 0.7, 0.8, 0.9, 0.95. A field is
    `name: type = default`, with its help as a string below. The type of a sweep of sparsities is
    `fig.Sparsities`, and the default of a sweep is a tuple.
    """)
    return


@app.class_definition
class Spec(fig.TrainingSpec):
    """Settings."""

    n: fig.Count = 5
    """Number of features, for two dimensions."""
    restarts: fig.Count = 16
    steps: fig.Count = 2000
    batch_size: fig.Count = 512
    learning_rate: fig.Positive = 1e-2


@app.cell(hide_code=True)
def check_Spec():
    def _complaint(Spec):
        if "sparsity" not in Spec.model_fields:
            return ...
        found = np.asarray(Spec().sparsity)
        due = np.array([0.5, 0.7, 0.8, 0.9, 0.95])
        if found.ndim == 0:
            return "It holds one number. A sweep is a tuple of numbers, fig.Sparsities."
        try:
            Spec(sparsity=(0.5, 1.5))
        except ValueError:
            if found.shape == due.shape and np.allclose(found, due):
                return None
            if found.shape == due.shape and np.allclose(found, 1 - due):
                return "These are probabilities p; sparsities are S = 1 - p."
            return f"The default is {found.tolist()}, and should be {due.tolist()}."
        return "It accepts a sparsity of 1.5. fig.Sparsities refuses what is no sparsity."

    spec_box = check(
        Spec,
        _complaint,
        solution="""
        class Spec(fig.TrainingSpec):
            "Settings."

            n: fig.Count = 5
            "Number of features, for two dimensions."
            sparsity: fig.Sparsities = (0.5, 0.7, 0.8, 0.9, 0.95)
            "S, the probability that a feature is inactive."
            restarts: fig.Count = 16
            steps: fig.Count = 2000
            batch_size: fig.Count = 512
            learning_rate: fig.Positive = 1e-2
        """,
        then="On the command line it will be a flag: --sparsity 0.8 0.9.",
    )
    spec_box
    return (spec_box,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 2: the training

    `lab.spec` has the settings. Return what `lab.train` gives: its arguments are a name, a function
    `problem`, and the name of the swept field. `problem(sparsity)` returns an objective and an
    optimiser, here `lab.spec.adamw()`. Restarts are added by the lab. As in lesson 1, use
    `tm.SparseFeatures`, `tm.Reconstruction` and `tm.ReluOutput` with two hidden dimensions, all
    features equally important, and the settings' `n` and `batch_size`.
    """)
    return


@app.function
def run(lab):
    spec = lab.spec

    def problem(sparsity):
        return ..., spec.adamw()

    return ...


@app.cell(hide_code=True)
def check_run():
    class _Known(fig.TrainingSpec):
        n: fig.Count = 7
        sparsity: fig.Sparsities = (0.5, 0.9)
        batch_size: fig.Count = 96

    def _complaint(run):
        seen = []

        def engine(problem, axes, steps, **options):  # in the place of a training
            seen.append((problem, [axis.name for axis in axes]))
            return xr.Dataset({"loss_history": ("step", [0.0])})

        result = run(fig.Lab(_Known(), engine=engine))
        if result is ...:
            return ...
        if not seen:
            return "lab.train is not called."
        if result is None:
            return "There is no result; is a return missing?"
        problem, names = seen[0]
        if "sparsity" not in names:
            return 'The sparsity is not swept: lab.train("name", problem, axes="sparsity").'
        objective, _ = problem(sparsity=0.9)
        if not isinstance(objective, tm.Reconstruction):
            return f"The objective is {type(objective).__name__}, and should be a Reconstruction."
        p = float(np.mean(objective.features.probability))
        if not np.isclose(p, 0.1):
            return f"At S = 0.9 features are on with p = {p:.2g}. SparseFeatures takes sparsity=."
        shape = objective.init(jax.random.key(0)).W.shape
        if shape != (2, 7):
            return f"With n = 7 the shape of W is {shape}, and should be (2, 7)."
        if objective.batch_size != 96:
            return "The batch size is not that of the settings: the third of Reconstruction."
        return None

    run_box = check(
        run,
        _complaint,
        solution="""
        def run(lab):
            spec = lab.spec

            def problem(sparsity):
                features = tm.SparseFeatures(spec.n, sparsity=sparsity)
                objective = tm.Reconstruction(
                    features, lambda key: tm.ReluOutput(spec.n, 2, key=key), spec.batch_size
                )
                return objective, spec.adamw()

            return lab.train("relu_output", problem, axes="sparsity")
        """,
        then="The lab adds restarts, random keys, progress and, for scripts, checkpoints.",
    )
    run_box
    return (run_box,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Predict, then train

    At $S = 0.9$ a pentagon has the lowest loss. How many of the 16 restarts will find it?
    """)
    return


@app.cell(hide_code=True)
def _():
    guess = prediction("Pentagons at S = 0.9", ["up to 3", "4 to 8", "9 to 15", "all 16"])
    guess
    return (guess,)


@app.cell
def _(guess, run_box, spec_box):
    mo.stop(
        guess.value is None or {spec_box.kind, run_box.kind} != {"right"},
        mo.md("*It waits for exercises 1 and 2, and for your prediction.*"),
    )
    with watch("your experiment") as _report:
        data = run(fig.Lab(Spec(), engine=partial(tm.train, report=_report)))
    data
    return (data,)


@app.cell(hide_code=True)
def _(data, guess):
    found = (geometry.arrangement(data.W) == "pentagon").sum("seed")
    _at = int(found.sel(sparsity=0.9))
    _bands = ["up to 3", "4 to 8", "9 to 15", "all 16"]
    mo.vstack(
        [
            outcome(guess.value, _bands[np.searchsorted([3, 8, 15], _at)]),
            mo.md(f"There are {_at} pentagons of 16 at S = 0.9."),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Look at every restart

    A mean hides what happens. Here are all restarts at one sparsity, the lowest loss first. Do
    those that fail look alike? How much do they lose?
    """)
    return


@app.cell(hide_code=True)
def _():
    S = mo.ui.slider(
        steps=[0.5, 0.7, 0.8, 0.9, 0.95], value=0.8, label="sparsity S", show_value=True
    )
    S
    return (S,)


@app.cell
def _(S, data):
    restarts = plotting.figure(8, 2.8)
    with plotting.style():
        _here = data.sel(sparsity=S.value).sortby("loss")
        for _ax, _seed in zip(restarts.subplots(2, 8).flat, _here.seed, strict=True):
            _model = _here.sel(seed=_seed)
            plotting.feature_arrows(_ax, _model.W, plotting.feature_colors(5))
            _ax.set_title(f"{_model.loss.item():.4f}")
    restarts
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Draw it

    The plot of the script: the share of restarts with each arrangement.
    """)
    return


@app.function
@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    figure = plotting.figure(5.5, 2.8)
    ax = figure.subplots()
    names = geometry.arrangement(data.W)
    kinds = ["square", "pentagon"]
    shares = {kind: (names == kind).mean("seed") for kind in kinds}
    plotting.share_lines(ax, data.sparsity, shares)
    ax.set(xlabel="S, the probability that a feature is off", ylabel="share of restarts")
    ax.legend()
    return figure


@app.cell
def _(data):
    plot(data)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercise 3: the claim

    Claim that at each $S \ge 0.9$ more than half of the restarts find a pentagon. A claim is
    `fig.OURS.claim("in words").above(low, measured)`; it holds if all that is measured lies above.
    The share is `(geometry.arrangement(data.W) == "pentagon").mean("seed")`; select from it with
    `.sel(sparsity=slice(0.9, None))`. `yield` the claim, as there may be several.
    """)
    return


@app.function
def claims(data):
    yield ...


@app.cell(hide_code=True)
def check_claims():
    def _models(squares):
        """Return models at S = 0.5 (squares), 0.9 and 0.95, with a number of squares of four."""
        corners = tm.theory.regular_polygon
        kinds = {True: np.pad(corners(4), [(0, 0), (0, 1)]), False: corners(5)}
        rows = [[kinds[i < count] for i in range(4)] for count in (4, *squares)]
        dims = ("sparsity", "seed", "hidden", "feature")
        return xr.Dataset({"W": (dims, np.array(rows))}, {"sparsity": [0.5, 0.9, 0.95]})

    def _complaint(claims):
        said = claims(_models((1, 1)))
        if not isinstance(said, Iterator):
            return "The function has to yield the claim."
        said = list(said)
        if said == [...]:
            return ...
        if not said:
            return "No claim is yielded."
        if not all(isinstance(each, fig.Claim) for each in said):
            return "What is yielded is no claim: .above(low, measured) makes one."
        hold = [
            all(each.holds for each in claims(_models(squares)))
            for squares in [(1, 1), (3, 3), (3, 0), (2, 1)]
        ]
        if not hold[0]:
            return "It fails where three of four are pentagons, at S = 0.9 and at 0.95."
        if hold[1]:
            return "It holds where one of four is a pentagon: it must be able to fail."
        if hold[2]:
            return "It holds where only the mean over sparsities is above a half: ask for each S."
        if hold[3]:
            return "It holds at exactly a half; more than that is claimed."
        return None

    claims_box = check(
        claims,
        _complaint,
        solution="""
        def claims(data):
            share = (geometry.arrangement(data.W) == "pentagon").mean("seed")
            yield fig.OURS.claim(
                "S >= 0.9: more than half of the restarts are pentagons (their share, for each S)"
            ).above(0.5, share.sel(sparsity=slice(0.9, None)))
        """,
        then="A claim that does not hold is written down as such: it is a finding.",
    )
    claims_box
    return (claims_box,)


@app.cell(hide_code=True)
def _(claims_box, data):
    mo.stop(claims_box.kind != "right", mo.md("*It waits for exercise 3.*"))
    mo.md(
        "\n".join(
            f"- **{'holds' if each.holds else 'does not hold'}**: {each.text}; "
            f"measured {np.round(each.measured, 2).tolist()}"
            for each in claims(data)
        )
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The script

    Your parts, joined. Save it as `pentagon_share.py` in the folder `experiments/superposition` of
    a clone, and

    ```sh
    python -m experiments run pentagon_share --preset smoke   # seconds, to see that it runs
    python -m experiments run pentagon_share --sparsity 0.85 0.9 0.95 --out out
    ```

    make the picture, the data and a record of the claims. Then change the question: another
    importance, anticorrelated features, the learning rate as the sweep.
    """)
    return


@app.cell(hide_code=True)
def _(claims_box, run_box, spec_box):
    mo.stop(
        {spec_box.kind, run_box.kind, claims_box.kind} != {"right"},
        mo.md("*It waits for all three exercises.*"),
    )
    script = as_script("How often training finds a pentagon.", Spec, run, plot, claims)
    mo.vstack(
        [
            mo.download(script.encode(), filename="pentagon_share.py", label="pentagon_share.py"),
            mo.md(f"```python\n{script}\n```"),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What goes deeper

    These figures look at restarts in the same way. The paper itself notes that two hidden
    dimensions are the hardest to optimise ([Toy Models of
    Superposition](https://transformer-circuits.pub/2022/toy_model/index.html)). How a figure gets
    into the suite is in `CONTRIBUTING.md`; all distributions, models and objectives are in
    `docs/library.md`.
    """)
    return


@app.cell(hide_code=True)
def _():
    deeper(
        "superposition/correlated_features",
        "superposition/nonuniform_sparsity",
        "superposition/learning_dynamics",
    )
    return


if __name__ == "__main__":
    app.run()
