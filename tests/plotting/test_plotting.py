"""Drawing: what the pictures say, read back from the artists."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from toymodels import plotting
from toymodels.plotting import vectors
from toymodels.plotting.grids import log_edges

PACKAGE = Path(plotting.__file__).parent


@pytest.fixture
def ax() -> Axes:
    return plotting.figure(3, 3).subplots()


def contrast_with_white(rgb: np.ndarray) -> np.ndarray:
    """WCAG contrast ratio, 1 for white to 21 for black; decreasing in lightness."""
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


# colours


def test_a_phase_is_white_blue_or_red():
    assert np.all(plotting.phase_colors(0.0, [0.0, 0.5, 1.0, 9.0, np.nan]) == 1.0)
    np.testing.assert_allclose(plotting.phase_colors(1, 0), to_rgb(plotting.FEATURE))
    np.testing.assert_allclose(plotting.phase_colors(1, 1), to_rgb(plotting.SUPERPOSED))


def test_norm_and_superposition_above_one_add_nothing():
    np.testing.assert_array_equal(plotting.phase_colors(1.4, 3.0), plotting.phase_colors(1, 1))


def test_phases_deepen_with_norm_and_redden_with_superposition():
    steps = np.linspace(0, 1, 21)
    for superposition in (0.0, 0.5, 1.0):
        depth = contrast_with_white(plotting.phase_colors(steps, superposition))
        assert np.all(np.diff(depth) > 0)
    red, _, blue = plotting.phase_colors(1.0, steps).T
    assert np.all(np.diff(red - blue) > 0)


@pytest.mark.parametrize("importance", [0.9 ** np.arange(5), 0.7 ** np.arange(20)])
def test_importance_is_lightness(importance):
    shades = plotting.importance_colors(importance)
    contrast = contrast_with_white(shades)
    assert shades.shape == (len(importance), 3)
    assert np.all(np.diff(contrast) < 0), "the most important is the darkest"
    assert contrast[-1] > 1.8, "the least important is visible on white"
    shuffled = np.random.default_rng(0).permutation(len(importance))
    np.testing.assert_array_equal(
        plotting.importance_colors(importance[shuffled]), shades[shuffled]
    )


def test_equal_importances_look_equal_and_dark():
    shades = plotting.importance_colors(np.ones(4))
    assert np.ptp(shades, axis=0).max() == 0
    assert contrast_with_white(shades).min() > 7


@pytest.mark.parametrize("importance", [[0.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
def test_importances_must_not_be_negative(importance):
    with pytest.raises(ValueError, match="must not be negative"):
        plotting.importance_colors(importance)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_features_differ_in_hue_and_not_in_lightness(n):
    shades = plotting.feature_colors(n)
    assert shades.shape == (n, 3)
    assert np.all((shades >= 0) & (shades <= 1))
    between = np.linalg.norm(shades[:, None] - shades, axis=-1) + np.eye(n)
    assert between.min() > 0.1
    assert np.ptp(contrast_with_white(shades)) < 0.8


@pytest.mark.parametrize("n", [1, 2, 5])
def test_orders_are_greys_up_to_a_dark_one(n):
    shades = plotting.ordered_colors(n)
    assert shades.shape == (n, 3)
    assert np.ptp(shades, axis=1).max() < 0.07, "no hue"
    assert np.all(np.diff(contrast_with_white(shades)) > 0)
    assert contrast_with_white(shades)[-1] > 7


def test_ink_is_readable_on_every_ground():
    ramps = plotting.MMCS_CMAP, plotting.SUPERPOSITION_CMAP, plotting.GRAM_CMAP
    for ground in (one for ramp in ramps for one in ramp(np.linspace(0, 1, 21))[:, :3]):
        ink = np.array(to_rgb(plotting.readable_ink(ground)))
        lower, higher = sorted([contrast_with_white(ground), contrast_with_white(ink)])
        assert higher / lower > 3.8
    assert plotting.readable_ink(np.ones(3)) == plotting.INK
    assert plotting.readable_ink(np.array(to_rgb(plotting.FEATURE))) == "white"


def test_gram_colours_are_red_white_blue():
    low, middle, high = plotting.GRAM_CMAP([0.0, 0.5, 1.0])[:, :3]
    assert low[0] > low[2]
    assert np.all(middle > 0.99)
    assert high[2] > high[0]


# style


def test_figures_follow_the_style_and_settings_come_back():
    before = dict(matplotlib.rcParams)
    fig = plotting.figure(4, 3)
    ax = fig.subplots()
    assert not ax.spines["top"].get_visible()
    assert tuple(fig.get_size_inches()) == (4, 3)
    assert fig.get_layout_engine() is not None
    with plotting.style():
        assert to_rgb(matplotlib.rcParams["axes.labelcolor"]) == to_rgb(plotting.INK)
    assert dict(matplotlib.rcParams) == before


def test_style_ignores_the_users_settings():
    with matplotlib.rc_context({"font.size": 30}), plotting.style():
        assert matplotlib.rcParams["font.size"] == 8


def test_saved_at_200_dots_per_inch_whoever_saves(tmp_path):
    fig = plotting.figure(2, 1)
    fig.savefig(tmp_path / "picture.png")
    assert matplotlib.image.imread(tmp_path / "picture.png").shape[:2] == (200, 400)
    assert fig._repr_png_().startswith(b"\x89PNG")


# labels


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.001, "0.001"),
        (0.3, "0.3"),
        (0.1 + 0.2, "0.3"),
        (1.0, "1"),
        (10, "10"),
        (1e4, "10,000"),
        (1.5e6, "1,500,000"),
        (1e-5, "0.00001"),
        (-0.0, "0"),
        (-0.25, "-0.25"),
    ],
)
def test_plain_numbers(x, text):
    assert plotting.plain_number(x) == text


@pytest.mark.parametrize(
    ("sparsity", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (0.05, "0.05"),
        (0.0004, "0.0004"),
        (1 - 0.3, "0.7"),
        (1 - 0.1, "0.9"),
        (0.95, "0.95"),
        (1 - 0.001, "0.999"),
        (np.float32(0.999), "0.999"),
        (0.99937, "0.99937"),
        (1 - 20**-0.4, "0.698"),
        (1.0, "1"),
    ],
)
def test_sparsity_labels_show_no_float_noise(sparsity, text):
    assert plotting.sparsity_label(sparsity) == f"S = {text}"


def test_log_axis_prints_plain_numbers(ax):
    plotting.log_axis(ax.xaxis)
    plotting.log_axis(ax.yaxis, [0.01, 0.1, 1])
    ax.set(xlim=(1, 20_000), ylim=(0.005, 2))
    ax.figure.draw_without_rendering()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert {"1", "10", "100", "1,000", "10,000"} <= set(labels)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.01", "0.1", "1"]
    assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))


# vectors

PENTAGON = np.array([np.cos(2 * np.pi * np.arange(5) / 5), np.sin(2 * np.pi * np.arange(5) / 5)])


def test_arrows_end_at_the_columns_in_their_colours(ax):
    shades = plotting.feature_colors(5)
    arrows = plotting.feature_arrows(ax, PENTAGON, shades, limit=1.5)
    (tips,) = (c for c in ax.collections if c is not arrows)
    segments = np.array(arrows.get_segments())[::-1]
    np.testing.assert_array_equal(segments[:, 0], 0)
    np.testing.assert_allclose(segments[:, 1], PENTAGON.T)
    np.testing.assert_allclose(tips.get_offsets()[::-1], PENTAGON.T)
    np.testing.assert_allclose(arrows.get_colors()[::-1, :3], shades)
    np.testing.assert_allclose(tips.get_facecolors()[::-1, :3], shades)


def test_arrows_share_a_scale_and_show_the_unit_circle(ax):
    plotting.feature_arrows(ax, PENTAGON, plotting.FEATURE, limit=2.0)
    assert (ax.get_xlim(), ax.get_ylim(), ax.get_aspect()) == ((-2, 2), (-2, 2), 1.0)
    assert not len(ax.get_xticks()) and not len(ax.get_yticks())
    assert [patch.get_radius() for patch in ax.patches] == [1]


@pytest.mark.parametrize("shape", [(3, 5), (5,), (1, 5)])
def test_arrows_need_two_dimensions(ax, shape):
    with pytest.raises(ValueError, match=r"\[2, n\]"):
        plotting.feature_arrows(ax, np.ones(shape), plotting.FEATURE)


def test_arrows_need_a_colour_each(ax):
    with pytest.raises(ValueError):
        plotting.feature_arrows(ax, PENTAGON, plotting.feature_colors(4))


def test_polygon_rays_share_the_direction_of_the_longest_vector(ax):
    W = np.array([[0.0, 0.5, 0.1], [2.0, 0.0, 0.1]])
    arrows = plotting.polygon_arrows(ax, W, limit=1.5)
    ends = np.array([ray.get_xydata()[1] for ray in ax.lines])
    turns = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    np.testing.assert_allclose(ends, 1.5 * np.stack([np.cos(turns), np.sin(turns)], 1), atol=1e-12)
    np.testing.assert_allclose(np.array(arrows.get_segments())[::-1, 1], W.T)
    np.testing.assert_allclose(arrows.get_colors()[::-1, :3], plotting.feature_colors(3))


def test_vector_panels_are_flat_or_solid_and_named():
    figure, cube = plotting.figure(4, 4), np.eye(3)
    plotting.vector_panels(figure, ["2", "3", "two"], [PENTAGON, cube, PENTAGON], 2)
    assert [ax.name for ax in figure.axes] == ["rectilinear", "3d", "rectilinear"]
    assert [ax.get_title() for ax in figure.axes] == ["2", "3", "two"]
    places = [ax.get_subplotspec() for ax in figure.axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (0, 0),
        (0, 1),
        (1, 0),
    ]


@pytest.mark.parametrize("W", [[[1, -1]], [[1, 0]], [[1, 0, 0], [0, 1, -1]]])
def test_a_glyph_sits_at_its_point_and_moves_no_limits(ax, W):
    plotting.log_axis(ax.xaxis)
    plotting.log_axis(ax.yaxis)
    ax.set(xlim=(0.1, 10), ylim=(1, 0.01))
    glyph = plotting.arrow_glyph(ax, (0.3, 0.05), W, size=20)
    ax.figure.draw_without_rendering()
    assert (ax.get_xlim(), ax.get_ylim()) == ((0.1, 10), (1, 0.01))
    box = glyph.get_window_extent()
    centre = ax.transData.transform((0.3, 0.05))
    np.testing.assert_allclose(np.mean(box.get_points(), axis=0), centre, atol=1)
    assert box.width == pytest.approx(20 / 72 * ax.figure.dpi, abs=1)


def test_a_glyph_shows_signed_lengths_and_rings(ax):
    def ends(W):
        area = plotting.arrow_glyph(ax, (0.5, 0.5), W, size=30).offsetbox
        lines = [artist for artist in area.get_children() if hasattr(artist, "get_xydata")]
        return {
            line.get_color(): (line.get_xydata()[1, 0] / 10, line.get_markerfacecolor())
            for line in lines
        }

    assert ends([[1, -0.5]]) == {
        plotting.MUTED: (1.0, plotting.MUTED),
        plotting.INK: (-0.5, plotting.INK),
    }
    assert ends([[1, 0]])[plotting.INK] == (0.0, "white")


# matrices


def test_gram_shows_the_product_and_the_bias_on_one_symmetric_scale(ax):
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(5, 20)), rng.normal(size=20)
    image = plotting.gram_with_bias(ax, W, b, limit=0.8)
    gram, bias = ax.images
    assert image is gram
    np.testing.assert_allclose(gram.get_array(), W.T @ W)
    np.testing.assert_allclose(bias.get_array()[:, 0], b)
    assert gram.get_clim() == bias.get_clim() == (-0.8, 0.8)
    assert gram.get_extent()[1] < bias.get_extent()[0], "a gap between them"
    assert bias.get_extent()[1] == pytest.approx(ax.get_xlim()[1])


def test_a_heat_map_has_its_first_row_at_the_top(ax):
    values = np.random.default_rng(0).normal(size=(7, 3))
    image = plotting.heat_map(ax, values, limit=0.5)
    np.testing.assert_allclose(image.get_array(), values)
    assert image.get_clim() == (-0.5, 0.5)
    bottom, top = ax.get_ylim()
    assert (top, bottom) == (-0.5, 6.5)
    assert image.get_extent() == [-0.5, 2.5, bottom, top]


# images


def test_tiles_are_the_images_in_reading_order_each_on_its_own_scale(ax):
    images = np.random.default_rng(0).normal(size=(5, 9)) * np.array([[1, 9, 0.1, 2, 3]]).T
    drawn = plotting.image_tiles(ax, images, columns=3)
    sheet = drawn.get_array()
    assert sheet.shape == (7, 11)  # two rows of three tiles, and gaps of a pixel
    assert drawn.get_clim() == (-1, 1)
    for i, image in enumerate(images):
        tile = sheet[4 * (i // 3) :, 4 * (i % 3) :][:3, :3]
        np.testing.assert_allclose(tile, image.reshape(3, 3) / np.abs(image).max())
    assert sheet.mask[3].all()
    assert sheet.mask[:, 3].all()
    assert sheet.mask[4:, 8:].all()  # where there is no sixth image
    assert sheet.count() == 5 * 9


def test_a_blank_image_is_a_white_tile(ax):
    sheet = plotting.image_tiles(ax, np.zeros((2, 4)), columns=2).get_array()
    np.testing.assert_array_equal(sheet.compressed(), np.zeros(8))


def test_tiles_must_be_square(ax):
    with pytest.raises(ValueError, match="10 pixels"):
        plotting.image_tiles(ax, np.zeros((2, 10)), columns=2)


def test_tiles_stand_in_their_rows_some_framed_and_the_rows_are_named(ax):
    images = np.arange(1.0, 6)[:, None] * np.eye(4)[[0, 1, 2, 3, 0]]
    drawn = plotting.tile_rows(ax, images, [2, 0, 2, 0, 0], ["a", "b", "c"], 2, framed=[0, 4])
    sheet = drawn.get_array()  # three rows of two tiles of 2 x 2, and gaps of a pixel
    assert sheet.shape == (8, 5)
    shown = [[sheet[3 * i :, 3 * j :][:2, :2] for j in range(2)] for i in range(3)]
    np.testing.assert_array_equal(shown[0][0].ravel(), [0, 1, 0, 0])
    np.testing.assert_array_equal(shown[0][1].ravel(), [0, 0, 0, 1])
    assert shown[1][0].mask.all() and shown[1][1].mask.all()
    np.testing.assert_array_equal(shown[2][0].ravel(), [1, 0, 0, 0])
    np.testing.assert_array_equal(shown[2][1].ravel(), [0, 0, 1, 0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    np.testing.assert_array_equal(ax.get_yticks(), [0.5, 3.5, 6.5])
    (frame,) = ax.patches  # the fifth image would be the third of its row
    assert frame.get_xy() == (-0.5, 5.5) and frame.get_width() == 2


@pytest.mark.parametrize("n", [5, 20, 80])
def test_bars_have_the_norms_lengths_and_the_grams_rows(n):
    left, right = plotting.figure(4, 2).subplots(1, 2)
    norms, superposition = np.linspace(1.1, 0, n), np.linspace(0, 2, n)
    plotting.gram_with_bias(left, np.zeros((2, n)), np.zeros(n))
    bars = plotting.norm_bars(right, norms, superposition)
    corners = np.array([path.vertices for path in bars.get_paths()])
    np.testing.assert_allclose(np.ptp(corners[..., 0], axis=1), norms)
    middles = (corners[..., 1].min(axis=1) + corners[..., 1].max(axis=1)) / 2
    np.testing.assert_allclose(middles, np.arange(n), atol=1e-12)
    assert left.get_ylim() == right.get_ylim() == (n - 0.5, -0.5)


def test_bars_are_coloured_by_superposition_where_learned(ax):
    bars = plotting.norm_bars(ax, [1.0, 1.0, 0.6, 0.0], [0.0, 1.0, 7.0, 7.0])
    faces = bars.get_facecolors()[:, :3]
    dark, amber = to_rgb(plotting.INK), to_rgb(plotting.AMBER)
    np.testing.assert_allclose(faces, [dark, amber, amber, to_rgb("white")])


def test_keys_say_what_signs_and_bars_mean():
    signs, sharing = plotting.figure(4, 2).subplots(1, 2)
    assert plotting.sign_key(signs, 2.0, "W").get_ticks().tolist() == [-2, 0, 2]
    assert signs.get_ylabel() == "W"
    bar = plotting.sharing_key(sharing)
    alone, shared = (label.get_text() for label in sharing.get_yticklabels())
    assert "alone" in alone and "others" in shared
    np.testing.assert_allclose(bar.cmap(0.0)[:3], to_rgb(plotting.INK))


# phases


@pytest.mark.parametrize("centres", [[0.1, 0.2, 1.0, 10.0], [1, 0.3, 0.09], [0.3]])
def test_cells_of_a_map_enclose_their_centres(centres):
    edges = log_edges(centres)
    lower, higher = np.sort([edges[:-1], edges[1:]], axis=0)
    assert len(edges) == len(centres) + 1
    assert ((lower < centres) & (centres < higher)).all()


def test_phase_map_colours_every_cell_and_is_sparse_at_the_top(ax):
    importance, p = np.geomspace(0.1, 10, 4), np.geomspace(0.01, 1, 3)
    norm, superposition = np.random.default_rng(0).uniform(size=(2, 3, 4))
    mesh = plotting.phase_map(ax, importance, p, norm, superposition)
    expected = plotting.phase_colors(norm, superposition)
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(3, 4, 3), expected)
    borders = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
    for edges, centres in zip(borders, (importance, p), strict=True):
        np.testing.assert_allclose(np.sqrt(edges[1:] * edges[:-1]), centres)
    bottom, top = ax.get_ylim()
    assert bottom > 1 and top < 0.01
    ax.figure.draw_without_rendering()
    assert "0.03" in [label.get_text() for label in ax.get_yticklabels()]


def test_the_key_has_the_colours_of_the_map(ax):
    plotting.phase_key(ax)
    key = np.asarray(ax.images[0].get_array())
    assert ax.images[0].origin == "lower"
    for row, norm in ((0, 0.0), (-1, 1.0)):
        for column, superposition in ((0, 0.0), (-1, 1.0)):
            expected = plotting.phase_colors(norm, superposition)
            np.testing.assert_allclose(key[row, column], expected, atol=0.02)


# tables


def test_a_table_has_its_values_written_and_its_axes_named(ax):
    values = np.array([[0.5, 0.75, 1.0], [0.2, 0.6, 0.9]])
    image = plotting.value_table(ax, [0, 0.9, 0.99], [0.05, 10], values, 0.5, 1)
    ax.figure.draw_without_rendering()
    assert image.get_clim() == (0.5, 1) and image.origin == "lower"
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written[(2, 0)] == "1.00" and written[(0, 1)] == "0.20" and len(written) == 6
    inks = {text.get_text(): text.get_color() for text in ax.texts}
    assert (inks["1.00"], inks["0.20"]) == ("white", plotting.INK)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.9", "0.99"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.05", "10"]


def test_ratios_are_written_and_as_deep_below_one_as_above():
    ax, key = plotting.figure(4, 2).subplots(1, 2)
    image = plotting.ratio_table(ax, [10, 300], [2, 3], [[1.0, 1.25], [0.8, 1.1]])
    np.testing.assert_allclose(image.get_clim(), [0.8, 1.25])
    depth = contrast_with_white(image.cmap(image.norm([1.0, 1.25, 0.8]))[:, :3])
    assert depth[0] < 1.1 and depth[1:].min() > 7
    red, _, blue, _ = image.cmap(image.norm(1.1))
    assert red > blue
    assert [text.get_text() for text in ax.texts] == ["1", "1.25", "0.8", "1.1"]
    plotting.ratio_key(key, image, "loss")
    key.figure.draw_without_rendering()
    assert [label.get_text() for label in key.get_yticklabels()] == ["0.8", "1", "1.25"]


def test_a_table_leaves_cells_without_a_value_empty_and_takes_other_colours(ax):
    cmap = plotting.SUPERPOSITION_CMAP
    image = plotting.value_table(ax, [1], [1, 2], [[np.nan], [5.0]], 2, 5, cmap=cmap, digits=0)
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.texts] == ["5"]
    assert image.get_cmap() == cmap


# restarts


def test_losses_stand_in_the_row_of_their_outcome_the_best_of_each_group_apart(ax):
    loss = np.array([[3.0, 2.0, 2.2], [5.0, 4.0, 6.0]])
    outcome = np.array([["square", "pentagon", "rare"], ["pentagon"] * 3])
    plotting.losses_by_outcome(ax, loss, outcome, ["pentagon", "square", "other"])
    points = [np.asarray(one.get_offsets()) for one in ax.collections]
    # of each row all its dots, then the best
    found = [sorted(row[:, 0].round(2).tolist()) for row in points]
    assert found == [[1, 1, 1.25, 1.5], [1, 1], [1.5], [], [1.1], []]
    rows = [set(row[:, 1].round().tolist()) for row in points]
    assert rows == [{0}, {0}, {1}, set(), {2}, set()]
    assert [text.get_text() for text in ax.texts] == ["4", "1", "1"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["pentagon", "square", "other"]
    assert ax.get_xscale() == "log" and ax.get_xlim()[1] > 1.5


def test_a_line_of_restarts_is_their_mean_and_broken_where_one_is_missing(ax):
    plotting.restart_lines(ax, [1, 2, 3], [[1, 3], [2, np.nan], [4, 4]], plotting.INK, "mine")
    line, *dots = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), [2, np.nan, 4])
    np.testing.assert_array_equal([dot.get_ydata() for dot in dots], [[1, 2, 4], [3, np.nan, 4]])
    assert {one.get_color() for one in ax.lines} == {plotting.INK}
    assert ax.get_legend_handles_labels()[1] == ["mine"]


def test_groups_of_restarts_over_a_sweep_have_a_mean_and_a_colour_each(ax):
    groups = {"one": [[1, 3], [2, 4]], "two": [[0, 0], [5, 7]]}
    plotting.restart_sweeps(ax, [0.9, 0.99], groups)
    names = ax.get_legend_handles_labels()[1]
    assert names == ["one", "two"]
    lines = [line for line in ax.lines if line.get_label() in names]
    assert [line.get_ydata().tolist() for line in lines] == [[2, 3], [0, 6]]
    assert [line.get_color() for line in lines] == list(plotting.kind_colors(2))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.9", "0.99"]


def test_the_points_of_the_lowest_loss_are_dark_and_above_the_others(ax):
    x, y = np.arange(6).reshape(3, 2), 10 + np.arange(6).reshape(3, 2)
    plotting.restart_points(ax, x, y, [np.nan, 0.5, 0.2])
    everyone, best = ax.collections
    np.testing.assert_array_equal(everyone.get_offsets(), np.stack([x.ravel(), y.ravel()], 1))
    np.testing.assert_array_equal(best.get_offsets(), [[4, 14], [5, 15]])
    assert to_rgb(best.get_facecolor()[0, :3]) == to_rgb(plotting.INK)
    assert best.get_sizes().item() > everyone.get_sizes().item()


def test_shares_over_a_sweep_are_a_line_each_in_its_colour(ax):
    shares = {"square": [0.75, 0.25, np.nan], "pentagon": [0.0, 0.5, 1.0]}
    plotting.share_lines(ax, [0, 0.9, 0.99], shares)
    assert ax.get_legend_handles_labels()[1] == ["square", "pentagon"]
    for line, values in zip(ax.lines, shares.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert [line.get_color() for line in ax.lines] == list(plotting.kind_colors(2))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.9", "0.99"]
    low, high = ax.get_ylim()
    assert low == 0 and 1 < high < 1.1


def test_shares_of_settings_without_an_order_are_points(ax):
    colors = {"other": plotting.FAINT, "mine": plotting.INK}
    plotting.share_lines(ax, ["16 x 1", "64"], {"mine": [0.1, 1]}, colors, joined=False)
    (line,) = ax.lines
    assert (line.get_linestyle(), line.get_marker()) == ("None", "o")
    assert line.get_color() == plotting.INK
    assert [label.get_text() for label in ax.get_xticklabels()] == ["16 x 1", "64"]


# dots


def test_dots_lie_at_their_dimensionality_in_their_colours(ax):
    D = np.array([[1, 1, 0], [0.5, 0.5, 0.4]])
    shades = plotting.feature_colors(3)
    plotting.dot_strip(ax, [0.1, 0.9], D, shades)
    assert len(ax.collections) == 3
    for feature, dot in enumerate(ax.collections):
        np.testing.assert_allclose(dot.get_offsets(), np.stack([[0.1, 0.9], D[:, feature]], axis=1))
        np.testing.assert_allclose(dot.get_facecolors()[0, :3], shades[feature])
    columns = [dot.get_offset_transform().transform((0.1, 0))[0] for dot in ax.collections]
    np.testing.assert_allclose(np.diff(columns), 4.0 / 72 * ax.figure.dpi, rtol=1e-6)


def test_guides_are_named_and_lie_at_their_fractions(ax):
    plotting.fraction_guides(ax, ["1", "3/8", "2/5"])
    assert [line.get_ydata()[0] for line in ax.lines] == [0.375, 0.4, 1.0]
    assert [text.get_text() for text in ax.texts] == ["3/8", "2/5", "1"]


def test_the_names_of_guides_do_not_overlap(ax):
    plotting.fraction_guides(ax, ["1", "3/4", "2/3", "1/2", "2/5", "3/8", "1/3", "0"])
    ax.figure.draw_without_rendering()
    middles = [np.mean(text.get_window_extent().intervaly) for text in ax.texts]
    assert np.diff(middles).min() > 7 / 72 * ax.figure.dpi


def test_drawing_loads_neither_jax_nor_pyplot():
    code = (
        "import sys\n"
        "from toymodels import plotting\n"
        "plotting.figure(1, 1).subplots()\n"
        "assert not {'jax', 'matplotlib.pyplot', 'xarray'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# learned directions


def test_learned_directions_end_on_the_unit_circle_whatever_their_length(ax):
    truth, learned = np.array([[1.2, 0.0], [0.0, 0.3]]), np.array([[3.0, 0.0, 4.0], [0, 0.1, 3]])
    plotting.directions_over(ax, truth, learned)
    tips, rings = (np.asarray(dots.get_offsets()) for dots in ax.collections[-2:])
    np.testing.assert_allclose(tips, truth.T)
    np.testing.assert_allclose(rings, [[1, 0], [0, 1], [0.8, 0.6]])
    assert [len(rays.get_segments()) for rays in ax.collections[:2]] == [2, 3]


def test_recovery_deepens_from_white():
    depth = contrast_with_white(plotting.MMCS_CMAP(np.linspace(0, 1, 21))[:, :3])
    assert depth[0] == pytest.approx(1)
    assert np.all(np.diff(depth) > 0)


@pytest.mark.parametrize(
    ("corners", "edges"),
    [
        (np.eye(3), 3),
        (np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]), 6),  # tetrahedron
        (np.concatenate([np.eye(3), -np.eye(3)], axis=1), 12),  # octahedron
        (np.array(list(product((-1, 1), repeat=3))).T, 12),  # cube: no diagonals
        (np.array([[1.0, -1.0], [0, 0], [0, 0]]), 0),
    ],
)
def test_edges_of_polytopes(corners, edges):
    assert len(vectors.polytope_edges(corners.astype(float))) == edges
