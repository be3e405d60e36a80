"""Sequences with a known next token, against an enumeration of all of them."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import SignalPairs, SkipTrigrams
from toymodels.data.contexts import count_tokens

KEY = jax.random.key(0)
SAMPLES = 2**15


def all_skip_trigrams(K, others, length, f):
    """Every sequence with its probability and next token, from the definition."""
    tokens, before = 1 + 2 * K + others, length - 1
    found = {}
    for prefix in product(range(1, tokens), repeat=before):
        for k in range(1, K + 1):
            share = 1 / (tokens - 1) ** before / K
            found[(*prefix, k)] = found.get((*prefix, k), 0) + (1 - f) * share
            for place in range(before):
                changed = (*prefix[:place], 0, *prefix[place + 1 :], k)
                found[changed] = found.get(changed, 0) + f * share / before
    return found


def all_signal_pairs(P, noise, length):
    before = length - 1
    places = [(i, j) for i in range(before) for j in range(before) if i != j]
    found = {}
    for prefix in product(range(1 + P, 1 + P + noise), repeat=before):
        for (i, j), one, other in product(places, range(1, P + 1), range(1, P + 1)):
            sequence = list(prefix)
            sequence[i], sequence[j] = one, other
            share = 1 / noise**before / len(places) / P**2
            found[(*sequence, 0)] = found.get((*sequence, 0), 0) + share
    return found


CASES = {
    "skip trigrams": (SkipTrigrams(2, 1, 3, 0.3), all_skip_trigrams(2, 1, 3, 0.3)),
    "no other tokens": (SkipTrigrams(3, 0, 3, 0.9), all_skip_trigrams(3, 0, 3, 0.9)),
    "signal pairs": (SignalPairs(3, 2, 5), all_signal_pairs(3, 2, 5)),
    "only signals": (SignalPairs(2, 1, 3), all_signal_pairs(2, 1, 3)),
}
each_case = pytest.mark.parametrize(("data", "known"), CASES.values(), ids=CASES.keys())


@each_case
def test_sequences_have_their_probabilities(data, known):
    sequences = np.asarray(data.sample(KEY, SAMPLES))
    assert sequences.shape == (data.length, SAMPLES)
    seen, counts = np.unique(sequences, axis=1, return_counts=True)
    probability = np.array([known[tuple(sequence)] for sequence in seen.T.tolist()])
    error = np.sqrt(probability * (1 - probability) / SAMPLES)
    assert sum(known.values()) == pytest.approx(1)
    assert np.abs(counts / SAMPLES - probability).max() < 6 * error.max()


@each_case
def test_the_bayes_entropy_is_that_of_all_sequences(data, known):
    p = np.asarray(data.next_token(jnp.array(list(known)).T), float)
    assert p.shape == (data.outputs, len(known))
    np.testing.assert_allclose(p.sum(axis=0), 1, rtol=1e-6)
    entropy = -np.where(p > 0, p * np.log(np.maximum(p, 1e-30)), 0).sum(axis=0)
    assert entropy @ list(known.values()) == pytest.approx(float(data.bayes_entropy), abs=1e-6)


def test_a_trigram_is_completed_where_its_source_is():
    data = SkipTrigrams(3, others=1, length=4)
    p = np.asarray(data.next_token(jnp.array([[0, 5, 7, 2], [5, 5, 7, 2]]).T))
    assert p[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]  # [2] + 3
    np.testing.assert_allclose(p[:, 1], 1 / 8)


def test_a_pair_is_completed_without_regard_to_order():
    data = SignalPairs(3, noise=2, length=4)
    there = [(1, 3, 4), (3, 5, 1), (2, 2, 5), (1, 1, 4)]
    p = np.asarray(data.next_token(jnp.array([(*signals, 0) for signals in there]).T))
    assert data.pairs.tolist() == [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]]
    assert p.argmax(axis=0).tolist() == [2, 2, 3, 0]
    assert ((p == 0) | (p == 1)).all()


def test_the_frequency_can_be_an_axis():
    share = jax.vmap(
        lambda f: (SkipTrigrams(2, frequency=f).sample(KEY, SAMPLES) == 0).any(0).mean()
    )
    np.testing.assert_allclose(share(np.array([0.0, 0.25, 1.0])), [0, 0.25, 1], atol=0.015)


def test_tokens_are_counted():
    counted = count_tokens(jnp.array([[2, 0], [2, 1], [1, 1]]), 3)
    assert counted.counts.T.tolist() == [[0, 1, 2], [1, 2, 0]]
    assert counted.last.T.tolist() == [[0, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SkipTrigrams(0), "trigrams must be a whole number of at least 1"),
        (lambda: SkipTrigrams(2, others=-1), "others must be a whole number of at least 0"),
        (lambda: SkipTrigrams(2, length=1), "length must be a whole number of at least 2"),
        (lambda: SkipTrigrams(2, frequency=1.5), "frequency must lie in"),
        (lambda: SignalPairs(0), "signals must be a whole number of at least 1"),
        (lambda: SignalPairs(length=2), "length must be a whole number of at least 3"),
        (lambda: SignalPairs(noise=0), "noise must be a whole number of at least 1"),
    ],
)
def test_sequences_too_short_for_their_task_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
