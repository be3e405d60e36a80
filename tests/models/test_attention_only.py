"""The attention-only transformer against its equation, and what a layer of attention implies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import AttentionOnly
from toymodels.data.contexts import count_tokens

KEY = jax.random.key(0)
TOKENS, HEADS, LENGTH, BATCH = 6, 3, 5, 7


def far_from_start(**options):
    """A model with weights of the size of trained ones, whose patterns differ from each other."""
    model = AttentionOnly(TOKENS, HEADS, key=KEY, **options)
    for weights in (model.W_Q, model.W_K):
        weights[...] = 4 * weights[...]
    if model.W_D is not None:
        model.W_D[...] = jnp.cos(jnp.arange(model.W_D.size, dtype=float)).reshape(model.W_D.shape)
    return model


def sequences(length=LENGTH):
    return jax.random.randint(KEY, (length, BATCH), 0, TOKENS)


def one_hot(tokens):
    return jax.nn.one_hot(tokens, TOKENS, axis=0)


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize(("head_dim", "outputs"), [(None, None), (2, None), (1, 9)])
def test_the_logits_are_the_equation(head_dim, outputs, direct):
    model = far_from_start(head_dim=head_dim, outputs=outputs, direct=direct)
    W_Q, W_K, W_V, W_O = (
        np.asarray(weights[...], float) for weights in (model.W_Q, model.W_K, model.W_V, model.W_O)
    )
    tokens = np.asarray(sequences())
    expected = np.zeros((W_O.shape[1], LENGTH, BATCH))
    for t, b in np.ndindex(LENGTH, BATCH):
        for head in range(HEADS):
            query, sources = W_Q[head][:, tokens[t, b]], tokens[: t + 1, b]
            scores = query @ W_K[head][:, sources] / np.sqrt(W_Q.shape[1])
            attention = np.exp(scores) / np.exp(scores).sum()
            expected[:, t, b] += W_O[head] @ W_V[head][:, sources] @ attention
        if direct:
            expected[:, t, b] += np.asarray(model.W_D[...])[:, tokens[t, b]]
    np.testing.assert_allclose(model(one_hot(sequences())), expected, atol=1e-5)


def test_patterns_are_causal_and_sum_to_one():
    A = np.asarray(far_from_start().patterns(one_hot(sequences())))
    np.testing.assert_allclose(A.sum(axis=2), 1, atol=1e-6)
    assert (A[:, *np.triu_indices(LENGTH, 1)] == 0).all()
    assert (A[:, *np.tril_indices(LENGTH)] > 0).all()
    assert np.ptp(A[:, -1], axis=1).max() > 0.1


def test_later_tokens_change_nothing():
    model, tokens = far_from_start(), sequences()
    other = tokens.at[-1].set((tokens[-1] + 1) % TOKENS)
    before, after = model(one_hot(tokens)), model(one_hot(other))
    np.testing.assert_array_equal(before[:, :-1], after[:, :-1])
    assert np.abs(before[:, -1] - after[:, -1]).min(axis=1).max() > 0


def test_the_logits_of_the_heads_add_up():
    model, x = far_from_start(), one_hot(sequences())
    np.testing.assert_allclose(model.contributions(x).sum(axis=0), model(x), atol=1e-6)
    counted = count_tokens(sequences(), TOKENS)
    np.testing.assert_allclose(
        model.head_logits(*counted).sum(0), model.logits(*counted), atol=1e-6
    )


@pytest.mark.parametrize("direct", [False, True])
def test_numbers_of_tokens_are_all_that_the_last_position_needs(direct):
    model, x = far_from_start(direct=direct), one_hot(sequences())
    counted = count_tokens(sequences(), TOKENS)
    last = model.patterns(x)[:, -1]
    by_token = jnp.einsum("hjb,sjb->hsb", last, x)
    np.testing.assert_allclose(model.attention(*counted), by_token, atol=1e-6)
    np.testing.assert_allclose(
        model.head_logits(*counted), model.contributions(x)[:, :, -1], atol=1e-5
    )
    np.testing.assert_allclose(model.logits(*counted), model(x)[:, -1], atol=1e-5)


def test_the_gradient_is_finite_where_a_token_is_missing():
    counted = count_tokens(sequences(2), TOKENS)
    assert (counted.counts == 0).any()
    gradient = jax.grad(lambda model: jnp.square(model.logits(*counted)).sum())(far_from_start())
    leaves = jax.tree.leaves(gradient)
    assert all(jnp.isfinite(leaf).all() for leaf in leaves)
    assert all(jnp.abs(leaf).max() > 0 for leaf in leaves)


def test_a_model_of_given_circuits_has_these():
    W_QK = np.cos(np.arange(HEADS * TOKENS**2)).reshape(HEADS, TOKENS, TOKENS)
    W_OV = np.sin(np.arange(HEADS * TOKENS * 4)).reshape(HEADS, 4, TOKENS)
    model = AttentionOnly.from_circuits(W_QK, W_OV)
    np.testing.assert_allclose(model.W_QK(), W_QK, atol=1e-6)
    np.testing.assert_allclose(model.W_OV(), W_OV, atol=1e-6)


def test_the_rank_of_the_circuits_is_the_head_dimension():
    model = AttentionOnly(TOKENS, HEADS, head_dim=2, key=KEY)
    for circuit in (model.W_QK(), model.W_OV()):
        assert np.linalg.matrix_rank(np.asarray(circuit), tol=1e-5).tolist() == [2] * HEADS


def test_the_start_is_xavier_normal_without_a_direct_path():
    model = AttentionOnly(200, 4, head_dim=100, outputs=50, direct=True, key=KEY)
    for weights in (model.W_Q, model.W_K, model.W_V, model.W_O):
        _, rows, columns = weights.shape
        assert float(weights[...].std()) == pytest.approx(np.sqrt(2 / (rows + columns)), rel=0.03)
    assert not model.W_D[...].any()
    assert AttentionOnly(5, 2, key=KEY).W_D is None


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"tokens": 0}, "tokens must be a whole number of at least 1"),
        ({"heads": 0}, "heads must be a whole number of at least 1"),
        ({"head_dim": 0}, "head_dim must be a whole number of at least 1"),
        ({"head_dim": 7}, "head_dim must be at most the 6 tokens; got 7"),
        ({"outputs": 0}, "outputs must be a whole number of at least 1"),
    ],
)
def test_bad_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        AttentionOnly(**{"tokens": 6, "heads": 2, "key": KEY, **sizes})
