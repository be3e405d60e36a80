"""Films of trainings: what each picture shows, and what is said where none can be made."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.animation import FFMpegWriter
from PIL import Image

from toymodels import plotting

STEPS = [0, 10, 100]


@pytest.fixture
def models():
    """W grows by one with each snapshot; b is constant and has no history."""
    W = np.arange(3.0)[:, None, None] * np.ones((2, 5))
    return xr.Dataset(
        {
            "W": (("hidden", "feature"), W[-1]),
            "W_history": (("snapshot", "hidden", "feature"), W),
            "b": ("feature", np.zeros(5)),
        },
        {"snapshot": STEPS},
    )


def test_each_snapshot_is_drawn_as_it_was(models, tmp_path):
    seen = []

    def draw(figure, now):
        assert not figure.axes and not figure.texts
        plotting.feature_arrows(figure.subplots(), now.W, plotting.FEATURE, limit=3)
        figure.suptitle("step")
        seen.append((now.snapshot.item(), now.W.values.max().item(), now.b.sizes["feature"]))

    film = plotting.animate(models, draw, tmp_path / "film.gif", fps=10, hold=0.5, dpi=50)
    assert list(dict.fromkeys(seen)) == [(0, 0, 5), (10, 1, 5), (100, 2, 5)]
    with Image.open(film) as gif:
        assert gif.size == (150, 150) and gif.n_frames == 3 and gif.info["loop"] == 0
        lengths = []
        for i in range(3):
            gif.seek(i)
            lengths.append(gif.info["duration"])
    assert lengths == [100, 100, 600]  # the last stays


def test_the_models_stay_as_they_were(models, tmp_path):
    before = models.copy(deep=True)
    plotting.animate(models, lambda figure, now: None, str(tmp_path / "film.gif"), dpi=20)
    assert models.identical(before)


def test_without_snapshots_there_is_nothing_to_animate(models, tmp_path):
    with pytest.raises(ValueError, match="snapshots="):
        plotting.animate(models.drop_vars("W_history"), print, tmp_path / "film.gif")


def test_a_film_is_a_gif_or_an_mp4(models, tmp_path):
    with pytest.raises(ValueError, match=r"\.gif or \.mp4; got film\.avi"):
        plotting.animate(models, print, tmp_path / "film.avi")


def test_without_ffmpeg_an_mp4_is_refused_in_a_sentence(models, tmp_path, monkeypatch):
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda kind: False))
    with pytest.raises(RuntimeError, match="needs ffmpeg"):
        plotting.animate(models, print, tmp_path / "film.mp4")


@pytest.mark.skipif(not FFMpegWriter.isAvailable(), reason="ffmpeg is not installed")
def test_with_ffmpeg_there_is_an_mp4(models, tmp_path):
    film = plotting.animate(models, lambda figure, now: None, tmp_path / "film.mp4", dpi=50)
    assert b"ftyp" in film.read_bytes()[:16]
