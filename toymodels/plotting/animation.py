"""Animations of the snapshots of a training."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter
from matplotlib.figure import Figure

from .style import figure, style


def animate(
    dataset: Any,
    draw: Callable[[Figure, Any], object],
    path: str | Path,
    *,
    width: float = 3.0,
    height: float = 3.0,
    dpi: float = 120.0,
    fps: int = 15,
    hold: float = 1.5,
) -> Path:
    """Draw each snapshot of a training, and write the frames as a GIF, or an MP4 with ffmpeg.

    >>> import jax, optax
    >>> from toymodels import Axis, Reconstruction, ReluOutput, SparseFeatures, plotting, train
    >>> def problem(sparsity):
    ...     features = SparseFeatures(5, sparsity=sparsity)
    ...     objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 64)
    ...     return objective, optax.adam(0.01)
    >>> axes, key = [Axis("sparsity", [0.95])], jax.random.key(0)
    >>> models = train(problem, axes, steps=20, key=key, snapshots=range(0, 21, 10))

    >>> def draw(figure, now):
    ...     plotting.feature_arrows(figure.subplots(), now.W, plotting.feature_colors(5))
    ...     figure.suptitle(f"step {now.snapshot.item():,}")
    >>> plotting.animate(models.sel(sparsity=0.95), draw, "pentagon.gif", hold=0.1).name
    'pentagon.gif'

    Args:
        dataset: the xarray.Dataset of a training with snapshots (W_history, ...); select points
            on the axes that `draw` does not show.
        draw: function of an empty figure and the Dataset at one snapshot: W has the values at that
            step, which is the coordinate `snapshot`.
        path: output file, ending in .gif or .mp4.
        width: of the figure in inches.
        height: of the figure in inches.
        dpi: pixels per inch.
        fps: snapshots per second.
        hold: seconds to show the last snapshot.

    Returns:
        The path.

    Raises:
        ValueError: if the dataset has no snapshots, or the path has another ending.
        RuntimeError: if the path ends in .mp4 and ffmpeg is not installed.

    """
    moments, film = list(_moments(dataset)), Path(path)
    writer, page = _writer(film, fps), figure(width, height)
    with writer.saving(page, str(film), dpi):
        for moment in [*moments, *[moments[-1]] * round(hold * fps)]:
            page.clear()
            with style():
                draw(page, moment)
            writer.grab_frame()
    return film


def _moments(dataset: Any) -> Iterator[Any]:
    """Yield the Dataset at each snapshot, where NAME has the values of NAME_history."""
    kept = [name for name in dataset.data_vars if "snapshot" in dataset[name].dims]
    if not kept:
        raise ValueError("there are no snapshots to animate: train(..., snapshots=[0, 100, ...])")
    for i in range(dataset.sizes["snapshot"]):
        now = dataset.isel(snapshot=i)
        yield now.assign({str(name).removesuffix("_history"): now[name] for name in kept})


def _writer(film: Path, fps: int) -> AbstractMovieWriter:
    if film.suffix == ".gif":
        return PillowWriter(fps)
    if film.suffix != ".mp4":
        raise ValueError(f"a film ends in .gif or .mp4; got {film.name}")
    if not FFMpegWriter.isAvailable():
        raise RuntimeError("an MP4 needs ffmpeg, which is not installed here; a GIF does not")
    return FFMpegWriter(fps)
