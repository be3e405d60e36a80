"""Classification of labelled images: cross-entropy with an L1 penalty on hidden activations."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray, Real

from toymodels.data.images import Labelled
from toymodels.models.calls import check_build, check_can
from toymodels.models.mlp import MLP
from toymodels.numerics.arrays import Nested
from toymodels.numerics.blocks import block_columns, mean_value_over_blocks
from toymodels.numerics.checks import check_between, check_count, check_indices
from toymodels.numerics.products import true_float32

Images = Real[Array | np.ndarray, "batch pixels"] | Nested
Logits = Float[Array | np.ndarray, "labels batch"] | Nested
Labels = Real[Array | np.ndarray, " batch"] | Nested


@dataclass(frozen=True)
class Classification:
    """Cross-entropy of an image classifier, with an L1 penalty on its hidden activations.

    L = E[ -log softmax(y)_label + pressure * sum of h over the units of all hidden layers ]:
    summed over units, averaged over images. Images are stored as bytes; only the current batch,
    drawn with replacement, is converted to floats. The test loss is the cross-entropy alone.

    Attributes:
        build: key -> model.
        train: labelled images to draw batches from; pass them to `train` as `data`.
        test: labelled images of the test loss.
        batch_size: images per step.
        pressure: coefficient of the L1 penalty, at least 0; can be an axis.

    Raises:
        ValueError: if batch_size is not an integer of at least 1, pressure is negative, there are
            no images, the numbers of images and labels differ, or a label has no logit.
    """

    build: Callable[[PRNGKeyArray], MLP]
    train: Labelled
    test: Labelled
    batch_size: int = 128
    pressure: ArrayLike = 0.0

    def __post_init__(self) -> None:
        check_build(self.build)
        check_count("batch_size", self.batch_size)
        check_between("pressure", self.pressure, 0.0, jnp.inf)
        for name in ("train", "test"):
            _check_sizes(name, getattr(self, name))
        if not isinstance(self.train.labels, jax.core.Tracer):
            labels = _outputs(jax.eval_shape(self.init, jax.random.key(0)), self.train)
            for samples in (self.train, self.test):
                check_indices("labels", samples.labels, labels, "logits")

    def init(self, key: PRNGKeyArray) -> MLP:
        """Build the initial model.

        Raises:
            TypeError: if it lacks an attribute that the loss uses.
        """
        model = self.build(key)
        check_can(model, "Classification", "hidden", "readout", like="MLP")
        return model

    def loss(self, model: MLP, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate L on `batch_size` images."""
        drawn = jax.random.randint(key, (self.batch_size,), 0, len(self.train.labels))
        images, labels = (
            jnp.asarray(of).at[drawn].get(mode="promise_in_bounds") for of in self.train
        )
        h = model.hidden(as_columns(images))
        activity = sum(jnp.sum(jnp.mean(layer, axis=1)) for layer in h)
        return cross_entropy(model.readout(h[-1]), labels) + self.pressure * activity

    @true_float32()
    def test_loss(self, model: MLP, _key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure the cross-entropy on all test images."""
        return _mean_over_images(cross_entropy, model, self.test)


def as_columns(images: Images) -> Float[Array, "pixels batch"]:
    """Convert images to columns of floats from 0 (paper) to 1 (ink).

    Args:
        images: [batch, pixels], bytes or other integers from 0 to 255.

    Raises:
        ValueError: if the images are not integers, as they may be scaled to [0, 1] already.
    """
    return _whole("images", images).T.astype(float) / 255


def cross_entropy(logits: Logits, labels: Labels) -> Float[Array, ""]:
    """Mean of -log softmax(y)_label over the images, in nats.

    Args:
        logits: y [labels, batch].
        labels: [batch], integers from 0.

    Raises:
        ValueError: if the labels are not integers, or a label has no logit.
    """
    y, whole = jnp.asarray(logits), _whole("labels", labels).astype(jnp.int32)
    check_indices("labels", whole, len(y), "logits")
    return optax.softmax_cross_entropy_with_integer_labels(y, whole, axis=0).mean()


@true_float32()
def accuracy(model: MLP, samples: Labelled) -> Float[Array, ""]:
    """Share of the images whose label has the largest logit.

    Raises:
        ValueError: if there are no images, the numbers of images and labels differ, or a label has
            no logit.
    """
    samples = Labelled(*(_whole(*part) for part in samples._asdict().items()))
    _check_sizes("samples", samples)
    check_indices("labels", samples.labels, _outputs(model, samples), "logits")
    return _mean_over_images(
        lambda logits, labels: jnp.mean(logits.argmax(axis=0) == labels), model, samples
    )


def _outputs(model: MLP, samples: Labelled) -> int:
    """Return the number of logits of a model, which may be given as shapes."""
    x = jax.ShapeDtypeStruct((samples.images.shape[1], 1), jnp.result_type(float))
    return len(jax.eval_shape(lambda model, x: model(x), model, x))


def _whole(name: str, values) -> Array:
    array = jnp.asarray(values)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise ValueError(f"{name} must be whole numbers; got {array.dtype}")
    return array


def _check_sizes(name: str, samples: Labelled) -> None:
    images, labels = (len(of) for of in samples)
    if images == 0 or images != labels:
        raise ValueError(f"{name} must have images, and a label each; got {images} and {labels}")


def _mean_over_images(mean, model: MLP, samples: Labelled) -> Float[Array, ""]:
    """Mean of `mean(logits, labels)` over blocks of images, one block in memory at a time."""
    count, pixels = samples.images.shape
    columns = block_columns(pixels, count)
    blocks = [leaf.reshape(count // columns, columns, *leaf.shape[1:]) for leaf in samples]

    def of_block(model, block):
        images, labels = block
        return mean(model(as_columns(images)), labels)

    return mean_value_over_blocks(of_block, model, blocks)
