"""What the figures on skip trigrams and pairs of signals share: settings, training, measures."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, PRNGKeyArray
from matplotlib.figure import FigureBase
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import plotting, theory
from toymodels.data.contexts import Contexts, count_tokens
from toymodels.objectives.next_token import divergence

SAMPLES = 2**12  # sequences of the measures
WIRING = "attention from the last token, and logits written, blue +, red -"
CARRIES = 0.1  # nats that a trigram loses without a head, if the head carries it


class HeadSpec(fig.AnnealedSpec):
    """Settings of the training; the sources give few. Without weight decay AdamW is Adam."""

    length: Annotated[fig.Count, Field(ge=3)] = 10
    """Positions of a sequence."""
    restarts: fig.Count = 8
    steps: fig.Count = 2000
    batch_size: fig.Count = 256
    learning_rate: fig.Positive = 2e-2


class TrigramSpec(HeadSpec):
    """Settings of the training on skip trigrams."""

    alphabet: fig.Count = 17
    """Tokens: the source, a destination and a completion for each trigram, and others."""

    def check_trigrams(self, *trigrams: int) -> None:
        """Raise ValueError if the alphabet is too small for these numbers of trigrams."""
        if 1 + 2 * max(trigrams) > self.alphabet:
            raise ValueError(
                f"alphabet must be at least {1 + 2 * max(trigrams)}, as {max(trigrams)} trigrams "
                f"have a source, and a destination and a completion each; got {self.alphabet}"
            )

    def contexts(self, trigrams: int, frequency: Any = 0.5) -> tm.SkipTrigrams:
        """Return sequences with this number of trigrams, whose source has this probability."""
        return tm.SkipTrigrams(trigrams, self.alphabet - 1 - 2 * trigrams, self.length, frequency)


def next_token(
    spec: HeadSpec, contexts: Contexts, heads: int, **options: Any
) -> tuple[tm.NextToken, optax.GradientTransformation]:
    """Predict the token after each context by attention heads alone.

    Args:
        spec: the settings.
        contexts: the sequences.
        heads: number of heads.
        options: `head_dim` and `direct` of `AttentionOnly`.
    """

    def model(key):
        return tm.AttentionOnly(
            contexts.tokens, heads, outputs=contexts.outputs, key=key, **options
        )

    return tm.NextToken(model, contexts, spec.batch_size), spec.adamw()


def train_heads(
    lab: fig.Lab[Any], name: str, problem: Callable[..., Any], axes: Any = (), **settings: Any
) -> xr.Dataset:
    """Train on skip trigrams, and measure what each head does; settings become coordinates."""
    probe = tm.Probe(measure_heads, MEASURED)
    models = lab.train(name, problem, axes, shared_batches=True, probe=probe)
    return models.assign_coords(settings)


def set_by_hand(
    objective: tm.NextToken,
    unit: theory.Circuits,
    scales: Sequence[float],
    key: PRNGKeyArray,
    probe: tm.Probe,
) -> xr.Dataset:
    """Return models with these circuits times each scale, and their measures as of trained ones."""

    def measure(scale):
        model = tm.AttentionOnly.from_circuits(scale * unit.W_QK, scale * unit.W_OV)
        matrices = {"W_Q": model.W_Q, "W_K": model.W_K, "W_V": model.W_V, "W_O": model.W_O}
        weights = {name: matrix[...] for name, matrix in matrices.items()}
        measured = probe.measure(objective, model, key)
        return {**weights, **measured, "loss": objective.test_loss(model, key)}

    found = jax.jit(lambda scales: jax.lax.map(measure, scales))(np.array(scales, np.float32))
    dims = {**tm.AttentionOnly.dims, **probe.dims, "loss": ()}
    data = {name: (("scale", *dims[name]), value) for name, value in jax.device_get(found).items()}
    return xr.Dataset(data, {"scale": list(scales), "by_hand": True})


def measure_heads(objective: Any, model: tm.AttentionOnly, key: PRNGKeyArray) -> dict[str, Array]:
    """Measure the heads on sequences of which half have the source.

    Logits are measured from their mean over all tokens, as a softmax does not see it.
    """
    trained = objective.contexts
    contexts = tm.SkipTrigrams(trained.trigrams, trained.others, trained.length)
    K = contexts.trigrams
    sequences = contexts.sample(key, SAMPLES)
    counts, last = count_tokens(sequences, contexts.tokens)
    written = model.head_logits(counts, last)
    y, p = model.logits(counts, last), contexts.next_token(sequences)
    without = divergence_without(p, y, written)
    attention = model.attention(counts, last)
    rest = attention[:, K + 1 :].sum(axis=1, keepdims=True)
    attention = jnp.concatenate([attention[:, : K + 1], rest], axis=1)
    centred = written[:, K + 1 : 2 * K + 1] - written.mean(axis=1, keepdims=True)
    # averages over the sequences without and with the source, for each destination
    source = jnp.stack([counts[0] == 0, counts[0] > 0]).astype(float)
    share = source[:, None, :] * last[None, 1 : K + 1, :]
    share = share / share.sum(axis=2, keepdims=True)
    logits = jnp.einsum("cdb,hob->hcdo", share, centred)
    own = jnp.diagonal(logits, axis1=2, axis2=3)
    return {
        "attended": jnp.einsum("cdb,hsb->hcds", share, attention),
        "written": logits,
        "change": own[:, 1] - own[:, 0],
        "without": jnp.einsum("cdb,hb->hd", share / 2, without),
    }


def divergence_without(p: Array, y: Array, written: Array) -> Array:
    """Return the excess cross-entropy [head, batch] when a head writes nothing."""
    return jax.vmap(lambda head: divergence(p, y - head))(written)


MEASURED = {
    "attended": ("head", "source_there", "destination", "source"),
    "written": ("head", "source_there", "destination", "completion"),
    "change": ("head", "destination"),
    "without": ("head", "destination"),
}
DESCRIBES = {
    "attended": "attention of a head to the source, each destination and all other tokens",
    "written": "logits of the completions that a head writes, from the mean of all logits",
    "change": "rise of a head's logit of the completion when the source appears",
    "without": "excess cross-entropy of a trigram when a head writes nothing",
    "source_there": "whether the source is in the sequence",
    "destination": "destination of a trigram",
    "source": "the source, each destination, and all other tokens",
    "completion": "completion of a trigram",
    "trigrams": "number of trigrams",
    "frequency": "probability that the source is in a sequence",
    "by_hand": "whether the weights are set by hand",
    "scale": "scores and logits of the weights that are set by hand",
}


def carriers(models: xr.Dataset) -> xr.DataArray:
    """Return the number of heads that carry each trigram, [..., destination]."""
    return (models.without > CARRIES).sum("head")


def first_two(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the values of the first two heads, [seed, ...]; those of a single head twice."""
    by_seed = values.transpose("seed", "head", ...)
    return by_seed[:, 0], by_seed[:, min(1, values.sizes["head"] - 1)]


def draw_wiring(place: FigureBase, model: xr.Dataset, title: str = WIRING) -> None:
    """Draw each head of a model, in sequences without and with the source."""
    K = model.sizes["destination"]
    heads = [f"head {head + 1}" for head in range(model.sizes["head"])]
    axes = plotting.panels(place, heads, ["without [0]", "with [0]"])
    names = [f"[{token}]" for token in range(2 * K + 1)]
    limit = plotting.shared_limit(model.written, margin=1.0)
    for (head, there), ax in np.ndenumerate(axes):
        one = model.isel(head=head, source_there=there)
        plotting.wiring_diagram(
            ax,
            one.attended.transpose("destination", "source"),
            one.written.transpose("destination", "completion"),
            names[1 : K + 1],
            [*names[: K + 1], "rest"],
            names[K + 1 :],
            limit,
        )
    place.suptitle(title, fontsize=8)
