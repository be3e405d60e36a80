"""The lab: names, streams, what it takes from the Spec, and that it leaves no trace of its own."""

import jax
import numpy as np
import optax
import pytest
import xarray as xr

import toymodels as tm
from toymodels import figure as fig
from toymodels.numerics.streams import stream_key


class Settings(fig.TrainingSpec):
    """A tiny training."""

    sparsity: fig.Sparsities = (0.5, 0.9)
    restarts: fig.Count = 3
    steps: fig.Count = 4
    batch_size: fig.Count = 8


def problem(sparsity=0.5):
    features = tm.SparseFeatures(4, sparsity=sparsity)
    objective = tm.Reconstruction(features, lambda key: tm.ReluOutput(4, 2, key=key), 8, 16)
    return objective, Settings().adamw()


def test_what_is_not_said_comes_from_the_spec():
    lab = fig.Lab(Settings())
    models = lab.train("models", problem, axes="sparsity")
    assert dict(models.sizes) == {"sparsity": 2, "seed": 3, "hidden": 2, "feature": 4}
    again = fig.Lab(Settings()).train(
        "models",
        lambda sparsity: (problem(sparsity)[0], optax.adamw(1e-3, weight_decay=1e-2)),
        axes=tm.Axis("sparsity", [0.5, 0.9]),
        steps=4,
        restarts=3,
    )
    np.testing.assert_array_equal(models.W, again.W)
    fewer = fig.Lab(Settings()).train("models", problem, restarts=1, history=True)
    assert fewer.sizes["seed"] == 1
    assert "loss_history" in fewer


def test_the_schedule_is_the_specs():
    def train(schedule):
        lab = fig.Lab(Settings(schedule=schedule, learning_rate=0.1))
        return lab.train("models", lambda: (problem()[0], lab.spec.adamw())).W

    assert not np.array_equal(train("constant"), train("cosine"))


def test_a_spec_without_training_asks_for_what_is_missing():
    class Bare(fig.Spec):
        """Nothing of a training."""

    with pytest.raises(TypeError, match="Bare has no steps"):
        fig.Lab(Bare()).train("models", problem, restarts=1)


def test_no_two_trainings_or_draws_share_a_stream():
    lab = fig.Lab(Settings())
    first, second = lab.train("first", problem), lab.train("second", problem)
    assert not np.isin(first.W, second.W).any()
    keys = [lab.key("data"), lab.key("other"), jax.random.key(lab.seed)]
    assert len({tuple(jax.random.key_data(key).tolist()) for key in keys}) == 3
    # not even a draw and a training of one name, in different runs
    trained = stream_key(jax.random.key(0), "training data")
    assert not np.array_equal(*map(jax.random.key_data, (keys[0], trained)))
    assert len(set(lab.streams.values())) == 4


def test_a_stream_is_shared_where_that_is_said():
    lab = fig.Lab(Settings())
    first = lab.train("first", problem)
    second = lab.train("second", problem, stream="first")
    np.testing.assert_array_equal(first.W, second.W)
    assert lab.streams == {"first": "training first", "second": "training first"}


def test_the_seed_decides_every_stream():
    one, other = fig.Lab(Settings(), seed=1), fig.Lab(Settings(), seed=2)
    assert not np.array_equal(one.train("models", problem).W, other.train("models", problem).W)
    assert one.integer("baseline") != other.integer("baseline")
    assert fig.Lab(Settings(), seed=1).integer("baseline") == fig.Lab(Settings(), 1).integer(
        "baseline"
    )


def test_names_are_used_once_and_could_be_files():
    lab = fig.Lab(Settings())
    lab.key("data")
    for use in (lab.key, lab.integer, lambda name: lab.train(name, problem)):
        with pytest.raises(ValueError, match="cannot share the name 'data'"):
            use("data")
    with pytest.raises(ValueError, match="letters, digits"):
        lab.train("../models", problem)


def test_a_result_has_no_state_to_be_trained_on():
    found = fig.Lab(Settings()).train("models", problem, history=True)
    assert set(found) == {"W", "b", "loss", "loss_history"}
    assert found.attrs == {}


@pytest.mark.filterwarnings("ignore:diverged, and NaN")
def test_results_merge_although_a_member_of_one_diverged():
    def at_rate(learning_rate):
        return problem()[0], optax.sgd(learning_rate)

    lab, results = fig.Lab(Settings(steps=20)), []
    for name, rates in {"calm": [0.01, 0.1], "wild": [0.2, 1e20]}.items():
        results.append(lab.train(name, at_rate, axes=tm.Axis("learning_rate", rates)))
    merged = xr.concat(results, "learning_rate", combine_attrs="no_conflicts")
    np.testing.assert_array_equal(merged.loss.isnull().all("seed"), [False, False, False, True])


def test_ctrl_c_ends_the_run():
    def interrupted(*asked, **options):
        def report(step, steps, _loss):
            if step == steps:
                raise KeyboardInterrupt

        return tm.train(*asked, report=report, **options)

    lab = fig.Lab(Settings(), engine=interrupted)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        lab.train("models", problem)
