"""Cross-entropy on minibatches against NumPy, and training by the engine."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from toymodels import (
    MLP,
    Axis,
    Classification,
    Objective,
    accuracy,
    as_columns,
    to_model,
    train,
)
from toymodels.data import images as datasets
from toymodels.data.images import Labelled
from toymodels.numerics import blocks
from toymodels.objectives.classification import cross_entropy

KEY = jax.random.key(0)
PIXELS, WIDTH, LABELS = 9, 5, 4


def samples(count, seed=0):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, PIXELS), dtype=np.uint8)
    return Labelled(images, random.integers(0, LABELS, count, dtype=np.uint8))


TRAIN, TEST = samples(40), samples(24, seed=1)


def build(key, layers=2):
    return MLP(PIXELS, WIDTH, layers, LABELS, key=key)


def losses(model, samples):
    """Cross-entropy and summed activations of each image, in NumPy and double precision."""
    x = np.asarray(samples.images.T, float) / 255
    activity, h = 0, x
    layers = zip((model.W_in, *model.W_hidden), (model.b_in, *model.b_hidden), strict=True)
    for W, b in layers:
        h = np.maximum(np.asarray(W[...], float) @ h + np.asarray(b[...], float)[:, None], 0)
        activity = activity + h.sum(axis=0)
    logits = np.asarray(model.W_out[...], float) @ h + np.asarray(model.b_out[...], float)[:, None]
    chosen = special.log_softmax(logits, axis=0)[samples.labels, np.arange(len(samples.labels))]
    return -chosen, activity, logits.argmax(axis=0)


def test_images_become_columns_from_0_to_1():
    columns = as_columns(jnp.asarray([[0, 51], [255, 102], [1, 2]], jnp.uint8))
    np.testing.assert_allclose(columns, [[0, 1, 1 / 255], [0.2, 0.4, 2 / 255]], rtol=1e-6)


def test_cross_entropy_of_known_logits():
    logits = jnp.asarray([[0.0, 2.0], [0.0, 0.0]])
    labels = jnp.asarray([1, 0], jnp.uint8)
    expected = (np.log(2) + np.log1p(np.exp(-2))) / 2
    assert cross_entropy(logits, labels) == pytest.approx(expected, rel=1e-6)


def test_it_is_an_objective():
    assert isinstance(Classification(build, TRAIN, TEST), Objective)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_test_loss_and_accuracy_are_over_all_test_images(layers):
    model = build(KEY, layers)
    entropy, _, guessed = losses(model, TEST)
    # the pressure is no part of it
    found = Classification(build, TRAIN, TEST, pressure=7.0).test_loss(model, KEY)
    assert found == pytest.approx(entropy.mean(), rel=1e-5)
    assert accuracy(model, TEST) == pytest.approx((guessed == TEST.labels).mean(), rel=1e-6)


@pytest.mark.parametrize("entries", [6 * PIXELS, 24 * PIXELS, 1])
def test_images_in_blocks_are_the_same_mean(monkeypatch, entries):
    whole = (
        accuracy(build(KEY), TEST),
        Classification(build, TRAIN, TEST).test_loss(build(KEY), KEY),
    )
    monkeypatch.setattr(blocks, "BLOCK_ENTRIES", entries)
    again = (
        accuracy(build(KEY), TEST),
        Classification(build, TRAIN, TEST).test_loss(build(KEY), KEY),
    )
    np.testing.assert_allclose(again, whole, rtol=1e-6)


@pytest.mark.parametrize("pressure", [0.0, 0.5])
def test_the_expected_loss_of_a_batch_is_that_of_all_training_images(pressure):
    objective = Classification(build, TRAIN, TEST, 64, pressure)
    model, keys = build(KEY), jax.random.split(jax.random.key(1), 400)
    found = np.asarray(jax.jit(jax.vmap(partial(objective.loss, model)))(keys), float)
    entropy, activity, _ = losses(model, TRAIN)
    each = entropy + pressure * activity
    error = each.std() / np.sqrt(64 * 400)
    assert abs(found.mean() - each.mean()) < 5 * error
    # drawn with replacement: noise as of 64 independent images
    assert found.var() == pytest.approx(each.var() / 64, rel=5 * (2 / 400) ** 0.5)


def test_the_pressure_is_an_l1_penalty_on_all_hidden_layers():
    model, key = build(KEY, 3), jax.random.key(5)
    without, light, strong = (
        float(Classification(build, TRAIN, TEST, 8, pressure).loss(model, key))
        for pressure in (0.0, 0.1, 0.2)
    )
    drawn = np.asarray(jax.random.randint(key, (8,), 0, 40))
    entropy, activity, _ = losses(model, Labelled(TRAIN.images[drawn], TRAIN.labels[drawn]))
    assert without == pytest.approx(entropy.mean(), rel=1e-5)
    assert light - without == pytest.approx(0.1 * activity.mean(), rel=1e-4)
    assert strong - without == pytest.approx(0.2 * activity.mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"pressure": -0.1}, "pressure must lie in"),
        ({"pressure": np.array([0.1, np.nan])}, "pressure must lie in"),
    ],
)
def test_settings_are_checked(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Classification(build, TRAIN, TEST, **settings)


@pytest.mark.parametrize("name", ["train", "test"])
def test_what_labels_and_images_must_be(name):
    given = {"train": TRAIN, "test": TEST}
    labels = np.where(np.arange(5) == 3, LABELS, 0).astype(np.uint8)
    wrong = {
        "labels must lie in 0 to 3, as there are 4 logits; got 4": samples(5)._replace(
            labels=labels
        ),
        f"{name} must have images, and a label each; got 5 and 4": Labelled(
            samples(5).images, samples(4).labels
        ),
        f"{name} must have images, and a label each; got 0 and 0": samples(0),
    }
    for sentence, labelled in wrong.items():
        with pytest.raises(ValueError, match=sentence):
            Classification(build, **{**given, name: labelled})


def test_labels_outside_the_logits_are_named():
    logits = np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"labels must lie in 0 to 2, as there are 3 .* got 3"):
        cross_entropy(logits, [0, 3])
    labelled = samples(5)._replace(labels=np.full(5, LABELS, np.uint8))
    with pytest.raises(ValueError, match="labels must lie in 0 to 3"):
        accuracy(build(KEY), labelled)


def test_numbers_that_are_not_whole_are_named():
    with pytest.raises(ValueError, match="images must be whole numbers; got float32"):
        as_columns(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="labels must be whole numbers; got float32"):
        cross_entropy(np.zeros((3, 2), np.float32), np.ones(2, np.float32))


# -- on the engine


@pytest.fixture(scope="module")
def digits():
    return datasets.load_digits()


def trained(digits, pressures, steps, **options):
    def problem(pressure, train, test):
        objective = Classification(
            lambda key: MLP(64, 16, 1, 10, key=key), train, test, 64, pressure
        )
        return objective, optax.adam(5e-3)

    axes = [Axis("pressure", pressures), Axis.seeds(2)]
    data = {"train": digits.train, "test": digits.test}
    return train(problem, axes, steps, key=KEY, data=data, **options)


@pytest.fixture(scope="module")
def models(digits):
    return trained(digits, [0.0, 0.03], 400)


def look(models, digits, measure):
    found = to_model(models, MLP(64, 16, 1, 10, key=KEY))
    return np.asarray(jax.vmap(jax.vmap(measure))(found))


def test_digits_are_learned_and_pressure_makes_activations_smaller(models, digits):
    found = look(models, digits, lambda model: accuracy(model, digits.test))
    assert models.W_in.dims == ("pressure", "seed", "hidden", "pixel")
    assert models.W_out.dims == ("pressure", "seed", "label", "hidden")
    assert (found > 0.85).all()
    x = as_columns(jnp.asarray(digits.test.images))
    activity = look(models, digits, lambda model: model.hidden(x)[0].sum(axis=0).mean())
    assert (activity[1] < activity[0] / 2).all()


def test_a_model_from_a_dataset_is_the_one_that_was_trained(models, digits):
    objective = Classification(lambda key: MLP(64, 16, 1, 10, key=key), digits.train, digits.test)
    again = look(models, digits, lambda model: objective.test_loss(model, KEY))
    np.testing.assert_allclose(again, models.loss.values, rtol=1e-5)


def test_a_model_of_another_size_is_refused(models):
    with pytest.raises(ValueError, match=r"W_in has the shape \[2, 2, 16, 64\]"):
        to_model(models, MLP(64, 15, 1, 10, key=KEY))
    with pytest.raises(KeyError, match="W_hidden_0"):
        to_model(models, MLP(64, 16, 2, 10, key=KEY))


def test_a_point_equals_the_same_point_alone(digits):
    together = trained(digits, [0.0, 0.01], 20, devices=jax.devices())
    alone = trained(digits, [0.01], 20)
    for name in ("W_in", "b_in", "W_out", "loss"):
        np.testing.assert_allclose(
            together[name].sel(pressure=[0.01]), alone[name], rtol=1e-4, atol=1e-5
        )
