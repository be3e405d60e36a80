"""A result that is trained on, by `start`, is what it would be without the stop."""

import jax
import numpy as np
import optax
import pytest

import toymodels as tm
from toymodels import Axis, train

KEY = jax.random.key(0)
STEPS = 40


def problem(sparsity, rate=1e-2, optimizer=optax.adam):
    features = tm.SparseFeatures(5, sparsity=sparsity)
    objective = tm.Reconstruction(features, lambda key: tm.ReluOutput(5, 2, key=key), 16, 32)
    return objective, optimizer(rate)


AXES = [Axis("sparsity", [0.2, 0.8, 0.9]), Axis.seeds([4, 2])]
DEVICES = jax.devices()


def run(steps, axes=AXES, problem=problem, **options):
    return train(problem, axes, steps, key=KEY, **options)


def bits(dataset):
    """Everything but the records: weights, loss and what the optimizer remembers."""
    kept = {name: v for name, v in dataset.items() if not {"step", "snapshot"} & set(v.dims)}
    return {name: (v.dims, v.values.dtype, v.values.tobytes()) for name, v in kept.items()}


@pytest.fixture(scope="module")
def whole():
    return run(STEPS, snapshots=(30,))


@pytest.fixture(scope="module")
def first():
    return run(13)


def test_a_result_has_what_going_on_needs(whole):
    moments = {f"optimizer.0.{moment}.{name}" for moment in ("mu", "nu") for name in "Wb"}
    assert {name for name in whole if "." in name} == moments | {"optimizer.0.count"}
    assert whole["optimizer.0.mu.W"].dims == whole.W.dims
    assert (whole["optimizer.0.count"] == STEPS).all()
    assert whole.attrs == {"steps": STEPS}


@pytest.mark.parametrize("devices", [DEVICES, None])
def test_going_on_is_the_same_as_not_having_stopped(whole, first, devices, tmp_path):
    if devices:
        whole, first = (run(steps, devices=devices) for steps in (STEPS, 13))
    second = run(STEPS - 13, start=first, snapshots=(13, 30), devices=devices)
    assert bits(second) == bits(whole)
    assert second.attrs == whole.attrs
    assert second.step[0] > 13
    assert second.step[-1] == STEPS
    np.testing.assert_array_equal(second.W_history.sel(snapshot=13), first.W)
    tm.save(first, tmp_path / "first.nc")
    assert bits(run(STEPS - 13, start=tm.load(tmp_path / "first.nc"), devices=devices)) == bits(
        whole
    )


def test_members_go_on_alone(whole, first):
    axes = [Axis("sparsity", [0.8]), Axis.seeds([2])]
    second = run(STEPS - 13, axes, start=first.sel(sparsity=[0.8], seed=[2]))
    np.testing.assert_allclose(second.W, whole.W.sel(sparsity=[0.8], seed=[2]), atol=1e-5)


def test_axes_may_have_another_order(whole, first):
    second = run(STEPS - 13, AXES[::-1], start=first)
    assert second.W.dims[:2] == ("seed", "sparsity")
    np.testing.assert_allclose(second.W.transpose(*whole.W.dims), whole.W, atol=1e-5)


def test_another_learning_rate_goes_on_with_the_same_moments(first):
    still = run(1, problem=lambda sparsity: problem(sparsity, 0.0), start=first)
    np.testing.assert_array_equal(still.W, first.W)
    assert (still["optimizer.0.count"] == 14).all()
    faster = run(1, problem=lambda sparsity: problem(sparsity, 2e-2), start=first)
    slower = run(1, problem=problem, start=first)
    np.testing.assert_allclose(faster.W - first.W, 2 * (slower.W - first.W), atol=1e-6)


def test_keys_in_the_optimizer_go_on(tmp_path):
    def noisy(sparsity):
        noise = optax.add_noise(0.1, 0.5, key=jax.random.key(3))
        return problem(sparsity)[0], optax.chain(noise, optax.sgd(1e-2))

    parts = run(5, problem=noisy)
    tm.save(parts, tmp_path / "parts.nc")
    parts = run(5, problem=noisy, start=tm.load(tmp_path / "parts.nc"))
    assert bits(parts) == bits(run(10, problem=noisy))


def test_what_does_not_fit_cannot_go_on(first):
    wrong = {
        "has the axes": (AXES[:1], problem, first),
        "assign_coords\\(seed=": ([AXES[0], Axis.seeds([2, 4])], problem, first),
        "no 'optimizer.0.trace": (AXES, lambda s: problem(s, optimizer=momentum), first),
        "of shape": (AXES, lambda sparsity: wider(sparsity), first),
        "must be a result of toymodels.train": (AXES, problem, first.drop_attrs()),
    }
    for message, (axes, given, start) in wrong.items():
        with pytest.raises(ValueError, match=message):
            train(lambda sparsity, given=given: given(sparsity), axes[:], 5, key=KEY, start=start)
    alone = [AXES[0]]
    with pytest.raises(ValueError, match=r"isel\(seed=\[i\]\) with the axis Axis.seeds\(\[2\]\)"):
        run(5, alone, start=first.isel(seed=1))
    with pytest.raises(ValueError, match=r"snapshots must be steps from 13 to 18; got \[3\]"):
        run(5, start=first, snapshots=(3,))
    with pytest.raises(ValueError, match="steps must be at most 2,147,483,633"):
        run(2**31 - 3, start=first)


def momentum(rate):
    return optax.sgd(rate, momentum=0.9)


def wider(sparsity):
    features = tm.SparseFeatures(6, sparsity=sparsity)
    return tm.Reconstruction(
        features, lambda key: tm.ReluOutput(6, 2, key=key), 16, 32
    ), optax.adam(1e-2)


def test_the_best_restarts_keep_what_they_need(first):
    best = tm.best_of(first)
    assert best["optimizer.0.mu.W"].dims == ("sparsity", "hidden", "feature")
