"""Heads set by hand reach the Bayes entropy exactly, in as many heads as the theory says."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import AttentionOnly, NextToken, SignalPairs, SkipTrigrams, theory
from toymodels.data.contexts import count_tokens

KEY = jax.random.key(0)


def excess(circuits, data):
    objective = NextToken(lambda key: AttentionOnly.from_circuits(*circuits), data, 8, 2**10)
    return float(objective.test_loss(objective.init(KEY), KEY))


@pytest.mark.parametrize("trigrams", [1, 2, 5, 20])
def test_two_heads_predict_any_number_of_trigrams(trigrams):
    circuits = theory.two_heads_for_trigrams(trigrams, 3, 40.0)
    assert len(circuits.W_QK) == 2
    assert excess(circuits, SkipTrigrams(trigrams, 3)) < 1e-7


def test_the_two_heads_are_right_after_every_sequence():
    data, scale = SkipTrigrams(3, 1, 4), 30.0
    prefixes = [p for p in product(range(data.tokens), repeat=3) if p.count(0) <= 1]
    sequences = jnp.array([(*p, k) for p in prefixes for k in (1, 2, 3)]).T
    model = AttentionOnly.from_circuits(*theory.two_heads_for_trigrams(3, 1, scale))
    y = np.asarray(model.logits(*count_tokens(sequences, data.tokens)))
    right = np.arange(data.tokens)[:, None] == np.asarray(sequences[-1]) + 3
    there = np.asarray((sequences == 0).any(axis=0))
    np.testing.assert_allclose(y, scale * (right & there), atol=1e-4)


@pytest.mark.parametrize("frequency", [0.0, 0.2, 1.0])
def test_they_do_so_at_every_frequency(frequency):
    circuits = theory.two_heads_for_trigrams(3, 0, 40.0)
    assert excess(circuits, SkipTrigrams(3, 0, frequency=frequency)) < 1e-7


def test_neither_of_the_two_can_be_missing():
    data, circuits = SkipTrigrams(3, 3), theory.two_heads_for_trigrams(3, 3, 40.0)
    for kept in ([0], [1]):
        alone = theory.Circuits(circuits.W_QK[kept], circuits.W_OV[kept])
        assert excess(alone, data) > 1


def test_as_many_heads_as_trigrams_do_so_too():
    for trigrams in (1, 4):
        circuits = theory.dedicated_heads(trigrams, 2, 40.0)
        assert len(circuits.W_QK) == trigrams
        assert excess(circuits, SkipTrigrams(trigrams, 2)) < 1e-7
    fewer = theory.Circuits(circuits.W_QK[:3], circuits.W_OV[:3])
    assert excess(fewer, SkipTrigrams(4, 2)) > 0.1


@pytest.mark.parametrize("signals", [1, 2, 4, 6])
def test_one_head_completes_all_pairs_of_signals(signals):
    circuits = theory.one_head_for_pairs(signals, 3, 80.0)
    assert len(circuits.W_QK) == 1
    assert excess(circuits, SignalPairs(signals, 3)) < 1e-7


def test_the_margin_of_pairs_is_half_the_scale():
    """Completions next to each other differ by half a signal: |c_y - c_y'|^2 = 1/2."""
    (W_OV,) = theory.one_head_for_pairs(3, 1, 8.0).W_OV
    average = np.array([0, 0.5, 0.5, 0, 0])  # of the pair (0, 1), the second completion
    logits = np.sort(W_OV @ average)
    assert (W_OV @ average).argmax() == 1
    assert logits[-1] - logits[-2] == pytest.approx(4.0)


def test_two_heads_have_twice_the_margin_after_every_pair():
    data, scale = SignalPairs(5, 2, 4), 20.0
    completions = [(1 + i, 6, 1 + j, 0) for i, j in data.pairs]
    for build, margin in (
        (theory.two_heads_for_pairs, scale),
        (theory.one_head_for_pairs, scale / 2),
    ):
        model = AttentionOnly.from_circuits(*build(5, 2, scale))
        y = np.asarray(model.logits(*count_tokens(jnp.array(completions).T, data.tokens)))
        others = np.where(np.eye(data.outputs, dtype=bool), -np.inf, y)
        np.testing.assert_allclose(np.diag(y) - others.max(axis=0), margin, rtol=1e-4)


@pytest.mark.parametrize("signals", [1, 3, 6])
def test_two_heads_with_opposite_preferences_complete_all_pairs(signals):
    circuits = theory.two_heads_for_pairs(signals, 3, 40.0)
    assert len(circuits.W_QK) == 2
    assert excess(circuits, SignalPairs(signals, 3)) < 1e-7


def test_the_excess_falls_with_the_scale():
    found = [
        excess(theory.two_heads_for_trigrams(4, 4, s), SkipTrigrams(4)) for s in (2, 5, 10, 20)
    ]
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(
    "build",
    [
        theory.two_heads_for_trigrams,
        theory.dedicated_heads,
        theory.one_head_for_pairs,
        theory.two_heads_for_pairs,
    ],
)
def test_nothing_to_predict_is_refused(build):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        build(0, 3, 1.0)
