"""The pictures: what the Axes hold is what the data say, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_rgb, to_rgba

from fnn import Array, Layer, forward
from fnn.activations import identity
from fnn.plot import (
    plot_confusion,
    plot_decision_boundary,
    plot_hidden_codes,
    plot_history,
    plot_weights,
)
from fnn.random import key, normal
from fnn.train import History

ROOT = Path(__file__).parents[1]
HISTORY = History((20.0, 5.0, 2.0, 1.0), (18.0, 6.0, 7.0, 8.0), ())
CODES = np.stack([np.full((4, 2), 0.5), np.eye(4)[:, :2]])
POINTS = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 3.0], [0.5, 2.0]])


@pytest.fixture(autouse=True)
def _agg_and_no_figure_left() -> Iterator[None]:
    mpl.use("Agg")
    pyplot.close("all")
    yield
    pyplot.close("all")


def drawn(ax: Axes) -> Axes:
    """The same Axes after all of it has been rendered: text is laid out, warnings would show."""
    pyplot.figure(ax.get_figure(root=True)).canvas.draw()
    return ax


def areas(ax: Axes) -> list[float]:
    (squares,) = (c for c in ax.collections if isinstance(c, PolyCollection))
    sides = [np.ptp(np.asarray(path.vertices), axis=0) for path in squares.get_paths()]
    return [float(side.prod()) for side in sides]


def by_angle(classes: int, x: Array) -> Array:
    """Scores of sectors about 0, so that every class has a region."""
    angles = 2 * np.pi * np.arange(classes) / classes
    scores: Array = x @ np.array([np.cos(angles), np.sin(angles)])
    return scores


PICTURES: dict[str, Callable[[Axes | None], Axes]] = {
    "history": lambda ax: plot_history(HISTORY, ax),
    "hidden codes": lambda ax: plot_hidden_codes(CODES, ax=ax),
    "weights": lambda ax: plot_weights(np.eye(3, 2), ax),
    "boundary": lambda ax: plot_decision_boundary(partial(by_angle, 3), POINTS, [0, 1, 2, 2], ax),
    "confusion": lambda ax: plot_confusion([0, 1], [0, 0], ax=ax),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_drawn_on_the_axes_given_and_opens_no_figure(
    draw: Callable[[Axes | None], Axes],
) -> None:
    figure, axes = pyplot.subplots(1, 2)
    assert draw(axes[1]) is axes[1]
    assert not axes[0].has_data()
    assert pyplot.get_fignums() == [figure.number]
    drawn(axes[1])


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_without_axes_a_picture_opens_one_figure_of_its_own(
    draw: Callable[[Axes | None], Axes],
) -> None:
    first, second = drawn(draw(None)), drawn(draw(None))
    assert first.figure is not second.figure
    assert len(pyplot.get_fignums()) == 2


def test_a_history_has_a_line_for_each_loss_and_marks_the_least_validation_loss() -> None:
    ax = drawn(plot_history(HISTORY))
    training, validation, least = ax.lines
    np.testing.assert_array_equal(training.get_xydata(), [[1, 20], [2, 5], [3, 2], [4, 1]])
    np.testing.assert_array_equal(validation.get_ydata(), HISTORY.validation)
    np.testing.assert_array_equal(least.get_xydata(), [[2, 6]])
    legend = ax.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["training", "validation", "least: 6 in epoch 2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mean loss")


@pytest.mark.parametrize(
    ("train", "validation", "scale"),
    [
        ((20.0, 1.0), (), "log"),
        ((9.0, 1.0), (), "linear"),
        ((9.0, 1.0), (11.0, 5.0), "log"),
        ((20.0, 0.0), (), "linear"),
        ((20.0, -1.0), (), "linear"),
        ((), (), "linear"),
    ],
)
def test_a_history_is_logarithmic_where_it_spans_a_factor_of_ten(
    train: tuple[float, ...], validation: tuple[float, ...], scale: str
) -> None:
    ax = drawn(plot_history(History(train, validation, ())))
    assert ax.get_yscale() == scale
    assert len(ax.lines) == (3 if validation else 1)


def test_a_validation_loss_that_is_not_a_number_is_not_the_least() -> None:
    ax = plot_history(History((3.0, 2.0, 1.0), (float("nan"), 5.0, 4.0), ()))
    np.testing.assert_array_equal(ax.lines[2].get_xydata(), [[3, 4]])


def test_hidden_codes_have_a_band_for_each_sample_and_a_row_for_each_unit() -> None:
    codes = normal(key(0), (5, 4, 2))
    times = [1, 2, 4, 10, 100]
    ax = drawn(plot_hidden_codes(codes, times))
    mesh = ax.collections[0]
    assert isinstance(mesh, QuadMesh)
    rows = np.asarray(mesh.get_array()).reshape(4, 3, 5)
    np.testing.assert_array_equal(rows[:, :2], codes.transpose(1, 2, 0))
    assert np.isnan(rows[:, 2]).all()
    edges = np.asarray(mesh.get_coordinates())[0, :, 0]
    np.testing.assert_array_equal(edges, [1, 1.5, 3, 7, 55, 100])
    np.testing.assert_array_equal(ax.get_yticks(), [0.5, 3.5, 6.5, 9.5])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1", "2", "3"]
    assert ax.get_xlabel() == "epoch"
    low, high = ax.get_ylim()
    assert low > high  # sample 0 is on top


def test_the_colors_of_hidden_codes_reach_from_0_to_1_and_beyond_where_they_do() -> None:
    def limits(codes: Array) -> tuple[float | None, float | None]:
        return plot_hidden_codes(codes).collections[0].get_clim()

    assert limits(np.full((2, 1, 1), 0.5)) == (0.0, 1.0)
    assert limits(np.array([[[-0.9]], [[3.0]]])) == (-0.9, 3.0)


def test_hidden_codes_of_many_samples_have_labels_that_do_not_overlap() -> None:
    ax = drawn(plot_hidden_codes(normal(key(0), (3, 200, 4))))
    assert ax.get_xlabel() == "moment"
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert 5 < len(boxes) < 25
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))


def test_the_squares_of_weights_have_areas_in_proportion_and_colors_by_sign() -> None:
    w = np.array([[1.0, -2.0, 0.0], [0.5, 4.0, -4.0]])
    ax = drawn(plot_weights(w))
    ratio = np.array(areas(ax)) / np.abs(w).max()
    np.testing.assert_allclose(ratio, 0.94**2 * np.abs(w.ravel()) / 16, rtol=1e-12)
    squares = ax.collections[0]
    blue, red = to_rgba("#2166ac"), to_rgba("#b2182b")
    for value, color in zip(w.flat, np.asarray(squares.get_facecolor()), strict=True):
        if value:
            np.testing.assert_array_equal(color, blue if value > 0 else red)
    middles = [np.asarray(path.vertices)[:4].mean(axis=0) for path in squares.get_paths()]
    expected = [(unit, row) for row in range(2) for unit in range(3)]
    np.testing.assert_allclose(middles, expected, atol=1e-12)
    assert ax.get_aspect() == 1
    assert "largest 4" in ax.get_title()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("to unit", "from unit")


@pytest.mark.parametrize("w", [np.zeros((2, 3)), np.eye(1, dtype=int), np.full((3, 2), 5e-324)])
def test_weights_of_zeros_and_of_any_size_can_be_drawn(w: Array) -> None:
    ax = drawn(plot_weights(w))
    np.testing.assert_allclose(areas(ax), 0.94**2 * (w.ravel() != 0), rtol=1e-12)


def colors_at(ax: Axes, points: Array) -> Array:
    """The colors of the regions where these points lie."""
    image = np.asarray(ax.images[0].get_array())
    assert ax.images[0].origin == "lower"
    left, right, bottom, top = ax.images[0].get_extent()
    places = (points - [left, bottom]) / np.array([right - left, top - bottom])
    columns, rows = (places * image.shape[1::-1]).astype(int).T
    colors: Array = image[rows, columns]
    return colors


def pale(color: str) -> Array:
    return 0.7 + 0.3 * np.array(to_rgb(color))


def test_a_boundary_is_where_the_greatest_score_changes_and_samples_have_their_colors() -> None:
    labels = np.array([0, 1, 2, 2])
    ax = drawn(plot_decision_boundary(partial(by_angle, 4), POINTS, labels))
    middle = ax.images[0].get_extent()
    assert middle[0] < -1
    assert middle[3] > 3
    compass = np.array([[1.0, 0.1], [0.1, 1.0], [-1.0, 0.1], [0.05, -0.2]])
    np.testing.assert_allclose(colors_at(ax, compass), [pale(f"C{i}") for i in range(4)])
    dots = [c for c in ax.collections if isinstance(c, PathCollection)]
    for i, dot in enumerate(dots):
        np.testing.assert_array_equal(np.asarray(dot.get_offsets()), POINTS[labels == i])
        assert dot.get_label() == f"class {i}"
        if i < 3:
            np.testing.assert_array_equal(np.asarray(dot.get_facecolor())[0], to_rgba(f"C{i}"))
    assert len(dots) == 4  # a class without samples has its color in the legend too


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_score_is_a_logit_that_is_above_0_for_class_1(shape: tuple[int, ...]) -> None:
    def predict(x: Array) -> Array:
        return (x[:, 0] - 0.25).reshape(shape)

    ax = plot_decision_boundary(predict, POINTS, [0, 1, 0, 1])
    there = colors_at(ax, np.array([[0.2, 1.0], [0.3, 1.0]]))
    np.testing.assert_allclose(there, [pale("C0"), pale("C1")])


def test_the_boundary_of_a_network_is_drawn_from_its_forward_pass() -> None:
    right_of_0 = (Layer(np.array([[1.0], [0.0]]), np.zeros(1)),)
    ax = plot_decision_boundary(partial(forward, (identity,), right_of_0), POINTS, [0, 1, 0, 1])
    there = colors_at(ax, np.array([[-0.1, 1.0], [0.1, 1.0]]))
    np.testing.assert_allclose(there, [pale("C0"), pale("C1")])


def test_samples_in_one_place_have_room_around_them() -> None:
    ax = drawn(plot_decision_boundary(partial(by_angle, 2), np.ones((3, 2)), [0, 1, 1]))
    np.testing.assert_array_equal(ax.images[0].get_extent(), [0, 2, 0, 2])


def test_a_confusion_counts_predictions_for_each_true_class() -> None:
    ax = drawn(plot_confusion([0, 0, 0, 1, 1, 2, 2], [0, 0, 2, 1, 1, 0, 0]))
    counts = {text.get_position(): text.get_text() for text in ax.texts}
    assert counts == {(0, 0): "2", (2, 0): "1", (1, 1): "2", (0, 2): "2"}
    shares = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(shares, np.array([[2 / 3, 0, 1 / 3], [0, 1, 0], [1, 0, 0]]))
    assert ax.get_title() == "4 of 7 right"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_a_class_without_samples_is_an_empty_row_and_names_are_on_both_sides() -> None:
    names = ["cat", "dog", "axolotl"]
    ax = drawn(plot_confusion([0, 1], [0, 2], names))
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {90.0}
    assert not np.asarray(ax.images[0].get_array())[2].any()


def luminance(color: Sequence[float]) -> float:
    """WCAG 2.1's relative luminance of an sRGB color."""
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in color)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("right", range(1, 20))
def test_counts_can_be_read_on_their_shade(right: int) -> None:
    ax = plot_confusion([0] * 20 + [1], [0] * right + [1] * (21 - right))
    image = ax.images[0]
    for text in ax.texts:
        column, row = map(int, text.get_position())
        shade = luminance(image.cmap(np.asarray(image.get_array())[row, column])[:3])
        ink = luminance(to_rgb(text.get_color()))
        contrast = (max(ink, shade) + 0.05) / (min(ink, shade) + 0.05)
        assert contrast > 4  # WCAG asks for 3 at least; a better ink has 4.58 on any color


def test_nothing_that_was_passed_in_is_changed() -> None:
    codes, w, x = CODES.copy(), np.eye(3, 2), POINTS.copy()
    plot_hidden_codes(codes)
    plot_weights(w)
    plot_decision_boundary(partial(by_angle, 2), x, [0, 1, 1, 0])
    np.testing.assert_array_equal(codes, CODES)
    np.testing.assert_array_equal(w, np.eye(3, 2))
    np.testing.assert_array_equal(x, POINTS)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot_hidden_codes(np.eye(3)), r"codes: expected \(moments, samples, units\), got"),
        (lambda: plot_hidden_codes(np.zeros((1, 2, 2))), r"codes: .* 2 moments .* \(1, 2, 2\)"),
        (lambda: plot_hidden_codes(np.zeros((2, 0, 2))), r"codes: .* of a sample, got \(2, 0, 2\)"),
        (lambda: plot_hidden_codes(CODES, [1]), "epochs: expected 2 increasing numbers"),
        (lambda: plot_hidden_codes(CODES, [2, 1]), "epochs: .* one for each moment of codes"),
        (lambda: plot_weights([1.0]), r"w: expected \(n_in, n_out\), got \(1,\)"),
        (lambda: plot_weights([[1.0, np.nan]]), "w: .* nan in row 0, column 1"),
        (
            lambda: plot_decision_boundary(partial(by_angle, 2), np.eye(3), [0, 1, 1]),
            r"x: expected \(n, 2\), got \(3, 3\); choose",
        ),
        (
            lambda: plot_decision_boundary(lambda x: x[:3], POINTS, [0, 1, 1, 1]),
            r"predict: expected \(90000, classes\), got \(3, 2\)",
        ),
        (
            lambda: plot_decision_boundary(partial(by_angle, 2), POINTS, [0, 1, 2, 0]),
            "labels: expected 0 to 1, got 2",
        ),
        (
            lambda: plot_decision_boundary(partial(by_angle, 2), POINTS, [0, 1]),
            "labels: expected one for each of 4 samples, got 2",
        ),
        (lambda: plot_confusion([0, 1], [0]), "predicted: expected one for each of 2 samples"),
        (lambda: plot_confusion([0, -1], [0, 0]), "labels: expected 0 to 999, got -1"),
        (lambda: plot_confusion([0, 1], [0, 0.5]), "predicted: expected 0 to 999, got 0.5"),
        (lambda: plot_confusion([0, 1], [0, 2], ["a", "b"]), "predicted: expected 0 to 1, got 2"),
        (lambda: plot_confusion(np.eye(2), [0, 1]), "labels: expected a class for each sample"),
    ],
)
def test_bad_data_are_named_before_a_figure_is_opened(
    draw: Callable[[], Axes], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw()
    assert pyplot.get_fignums() == []


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"fnn\.plot needs Matplotlib: pip install 'fnn\[plot\]'"):
        plot_weights([[1.0]])


def test_importing_the_module_does_not_import_matplotlib() -> None:
    code = "import sys, fnn.plot; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "False\n"
