"""`check_distribution` passes what is right, and says of what is wrong what it is."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import FeatureDistribution, SparseFeatures, testing

N, P = 4, 0.3


class Right(FeatureDistribution):
    """Independent features that are uniform on [0, 1] with probability P."""

    def sample(self, key, batch):
        u = jax.random.uniform(key, (N, batch))
        return jnp.where(u < P, u / P, 0.0)


class Told(Right):
    """The same, with everything that can be said."""

    importance = np.ones(N)
    none_active = (1 - P) ** N
    mean = P / 2
    second_moment = np.full(N, P / 3)


class RightWhenActive(Told):
    def sample_active(self, key, batch):
        return SparseFeatures(N, probability=P).sample_active(key, batch)


class Rare(FeatureDistribution):
    """Never seen among so many samples, so that only its own words can be compared."""

    def sample(self, key, batch):
        return jnp.where(jax.random.uniform(key, (2, batch)) < 1e-7, 1.0, 0.0)

    none_active = (1 - 1e-7) ** 2
    mean = 1e-7

    def sample_active(self, key, batch):
        return (jnp.arange(batch)[None] % 2 == jnp.arange(2)[:, None]).astype(float)


@pytest.mark.parametrize("kind", [Right, Told, RightWhenActive, Rare])
def test_what_is_right_passes(kind):
    testing.check_distribution(kind())


def lie(**attributes):
    return type("Liar", (Told,), attributes)()


def drawing(function):
    """A sample method that does something to the right samples."""
    return lambda self, key, batch: function(Right.sample(self, key, batch), key)


ALWAYS_THE_FIRST = np.arange(N)[:, None] == 0
DICE = random.Random(0)

WRONG = {
    "rows": ({"sample": drawing(lambda x, key: x.T)}, r"sample\(key, 2\) returns shape \[2, 4\]"),
    "NaN": (
        {"sample": drawing(lambda x, key: jnp.log(x - 1))},
        "sample gives numbers that are NaN",
    ),
    "dice of its own": (
        {"sample": drawing(lambda x, key: x * DICE.random())},
        "sample gives two results for one key",
    ),
    "importance": ({"importance": np.ones(3)}, "importance must be one number or 4"),
    "negative importance": ({"importance": -1.0}, "importance must be .* negative"),
    "no probability": ({"none_active": 1.2}, r"none_active is 1\.2 at"),
    "silence": ({"none_active": 0.26}, r"none_active is 0\.26 .* the mean of .* is 0\.2[34]"),
    "mean": ({"mean": P}, r"mean is 0\.3 at index \d, where the mean of .* is 0\.1[45]"),
    "one mean": (
        {"mean": np.array([P / 2] * 3 + [0.17])},
        r"mean is 0\.17 at index 3, where the mean of .* is 0\.1[45]",
    ),
    "second moment": ({"second_moment": P / 4}, r"second_moment is 0\.075 .*x\^2 is 0\.1"),
    "silent when active": (
        {"sample_active": Right.sample},
        r"sample_active gave \d+ samples without anything active",
    ),
    "too much when active": (
        {"sample_active": drawing(lambda x, key: jnp.where(x.any(axis=0), x, 1.0))},
        "sample_active's x_i is .* active samples' x_i is",
    ),
    "another law when active": (
        # the first feature takes what is missing: right in number, wrong in law
        {
            "sample_active": lambda self, key, batch: jnp.where(
                ALWAYS_THE_FIRST, 0.5, Right.sample(self, key, batch)
            )
        },
        "sample_active's",
    ),
}


@pytest.mark.parametrize(("attributes", "sentence"), WRONG.values(), ids=WRONG)
def test_what_disagrees_is_said(attributes, sentence):
    with pytest.raises(AssertionError, match=rf"^Liar.*{sentence}") as raised:
        testing.check_distribution(lie(**attributes))
    assert "\n" not in str(raised.value)


def test_dependence_is_seen_when_active():
    """All moments of single features agree, and only their products do not."""
    pairs = np.array([0, 0, 1, 1])

    class Pairs(FeatureDistribution):
        none_active = 0.0

        def sample(self, key, batch):
            return 1.0 + jax.random.bernoulli(key, 0.5, (N, batch))

        def sample_active(self, key, batch):
            return 1.0 + jax.random.bernoulli(key, 0.5, (2, batch))[pairs]

    with pytest.raises(AssertionError, match=r"Pairs\.sample_active's x_i x_j is 2\.[45]"):
        testing.check_distribution(Pairs())
