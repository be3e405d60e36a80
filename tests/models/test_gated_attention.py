"""Gated attention: the attention of the heads times a gate, and its cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import AttentionOnly, GatedAttention, GatedNextToken, NextToken, SkipTrigrams
from toymodels.data.contexts import count_tokens

KEY = jax.random.key(0)
DATA = SkipTrigrams(2, 1, 4)
SEQUENCES = DATA.sample(KEY, 64)
COUNTED = count_tokens(SEQUENCES, DATA.tokens)
X = jax.nn.one_hot(SEQUENCES, DATA.tokens, axis=0)


def gated(query, source):
    model = GatedAttention(DATA.tokens, 3, key=KEY)
    model.gate_Q[...] = jnp.asarray(query) * jnp.ones((3, DATA.tokens))
    model.gate_K[...] = jnp.asarray(source) * jnp.ones((3, DATA.tokens))
    return model


def test_open_gates_change_nothing():
    model, plain = gated(2.0, 1.0), AttentionOnly(DATA.tokens, 3, key=KEY)
    np.testing.assert_array_equal(model.logits(*COUNTED), plain.logits(*COUNTED))
    np.testing.assert_array_equal(model(X), plain(X))


def test_a_closed_gate_lets_nothing_pass():
    model = gated(np.array([[1.0], [-1.0], [0.5]]), 1.0)
    passed, whole = model.attention(*COUNTED), gated(1.0, 1.0).attention(*COUNTED)
    np.testing.assert_array_equal(passed, whole * jnp.array([1, 0, 0.5])[:, None, None])
    np.testing.assert_allclose(
        model.contributions(X)[:, :, -1], model.head_logits(*COUNTED), atol=1e-6
    )


def test_one_open_gate_costs_less_than_two_half_open_ones():
    one, halves, all_three = (
        float(gated(np.array(gates)[:, None], 1.0).openness(*COUNTED))
        for gates in ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1.0, 1.0, 1.0])
    )
    assert one == pytest.approx(1, abs=0.02)
    assert halves == pytest.approx(2 ** (1 / 0.6) / 2, abs=0.02)
    assert all_three == pytest.approx(3 ** (1 / 0.6), abs=0.02)


def test_only_gates_that_are_used_cost():
    unused = 1 + DATA.trigrams  # no sequence ends with it
    query = np.zeros((1, DATA.tokens))
    query[0, unused] = 1
    assert float(gated(query, 1.0).openness(*COUNTED)) < 0.02


def test_the_penalty_is_part_of_the_training_loss_only():
    build = lambda key: GatedAttention(DATA.tokens, 3, key=key)  # noqa: E731
    plain, task = NextToken(build, DATA, 64, 64), GatedNextToken(build, DATA, 64, 64, penalty=0.5)
    model = task.init(KEY)
    loss, unpunished = (jax.jit(kind.loss)(model, KEY) for kind in (task, plain))
    extra = 0.5 * float(model.openness(*COUNTED))
    assert float(loss - unpunished) == pytest.approx(extra, rel=1e-5)
    tested = [jax.jit(kind.test_loss)(model, KEY) for kind in (task, plain)]
    assert tested[0] == tested[1]
    gradient = jax.jit(jax.grad(task.loss))(gated(0.0, 1.0), KEY)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="penalty must lie in"):
        GatedNextToken(lambda key: GatedAttention(4, 1, key=key), DATA, penalty=-1.0)
    with pytest.raises(TypeError, match="GatedNextToken needs openness, which AttentionOnly lacks"):
        GatedNextToken(lambda key: AttentionOnly(DATA.tokens, 1, key=key), DATA).init(KEY)
