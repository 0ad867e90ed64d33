"""Pictures of training and of networks, by Matplotlib (extra ``plot``).

`plot_history` draws losses over the epochs, `plot_hidden_codes` the activations of hidden units
over the epochs, `plot_weights` a matrix of weights, `plot_decision_boundary` the classes around
samples in the plane, `plot_confusion` the right and wrong predictions of each class.

Each takes the data first and ``ax`` last, and returns the Axes that it drew on. Without an ``ax``
it opens a figure of its own: ``pyplot.show()`` of Matplotlib shows it, ``pyplot.savefig(path)``
writes it. All raise `ImportError` without Matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn._core.numbers import as_numbers, check_finite
from fnn.base import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fnn.train import History

__all__ = [
    "plot_confusion",
    "plot_decision_boundary",
    "plot_hidden_codes",
    "plot_history",
    "plot_weights",
]


def __dir__() -> list[str]:
    return __all__


_BLUE, _RED, _GRAY = "#2166ac", "#b2182b", "#888888"
_GRID = 300  # points across a picture for each of which a class is chosen


def plot_history(history: History, ax: Axes | None = None) -> Axes:
    """Curves of the training loss and, if there is one, the validation loss over the epochs.

    The epoch with the least validation loss, whose params `fnn.train.fit` returns, is marked. The
    axis is logarithmic where losses above 0 span a factor of ten.
    """
    ax = _axes(ax)
    ax.plot(range(1, len(history.train) + 1), history.train, color=_GRAY, label="training")
    if history.validation:
        numbers = range(1, len(history.validation) + 1)
        ax.plot(numbers, history.validation, color=_BLUE, label="validation")
        best = int(np.argmin(np.nan_to_num(history.validation, nan=np.inf)))
        label = f"least: {history.validation[best]:.3g} in epoch {best + 1}"
        ax.plot(best + 1, history.validation[best], "o", color=_BLUE, label=label)
    losses = history.train + history.validation
    if 0 < 10 * min(losses, default=0.0) < max(losses):
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="mean loss")
    ax.legend(frameon=False)
    return ax


def plot_hidden_codes(
    codes: ArrayLike, epochs: ArrayLike | None = None, ax: Axes | None = None
) -> Axes:
    """Hidden codes over time: a band for each sample, a row in it for each unit, time to the right.

    `codes` are (moments, samples, units), for instance ``trace(acts, params, x)[0].a`` after some
    of the epochs; `epochs` (moments,) are the numbers of these epochs, increasing.
    ``ax.set_xscale("log")`` gives the first ones room. Raises `ValueError` for other shapes, fewer
    than two moments, and numbers that are not finite.
    """
    values = _ranked("codes", codes, 3, "(moments, samples, units)")
    n, samples, units = values.shape
    if values.size == 0 or n < 2:
        raise ValueError(f"codes: expected at least 2 moments of a sample, got {values.shape}")
    times = np.arange(n) if epochs is None else _ranked("epochs", epochs, 1, f"({n},)")
    if len(times) != n or (np.diff(times) <= 0).any():
        raise ValueError(f"epochs: expected {n} increasing numbers, one for each moment of codes")
    ax = _axes(ax)
    bands = np.full((samples, units + 1, n), np.nan)  # the last row of a band is the gap below it
    bands[:, :units] = values.transpose(1, 2, 0)
    edges = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
    rows = np.arange(samples * (units + 1) + 1) - 0.5
    mesh = ax.pcolormesh(edges, rows, bands.reshape(-1, n), cmap="cividis", rasterized=True)
    mesh.set_clim(min(0.0, float(values.min())), max(1.0, float(values.max())))
    ax.figure.colorbar(mesh, ax=ax, label="activation")
    labeled = np.arange(0, samples, 1 + samples // 20)
    ax.set_yticks(labeled * (units + 1) + (units - 1) / 2, list(map(str, labeled)))
    ax.set(ylim=(rows[-2], rows[0]), xlabel="moment" if epochs is None else "epoch")
    ax.set_ylabel(f"sample, a row for each of {units} units")
    return ax


def plot_weights(w: ArrayLike, ax: Axes | None = None) -> Axes:
    """Hinton diagram of weights (n_in, n_out): areas are magnitudes, blue positive, red negative.

    ``np.vstack([w, b])`` shows the bias as a last row. Raises `ValueError` for another rank and
    for numbers that are not finite. Source: Bremner, Gotts and Denham, "Hinton diagrams: viewing
    connection strengths in neural networks", 1994.
    """
    values = _ranked("w", w, 2, "(n_in, n_out)")
    n_in, n_out = values.shape
    ax = _axes(ax)
    from matplotlib.collections import PolyCollection

    largest = float(np.abs(values).max(initial=0.0))
    half = 0.47 * np.sqrt(np.abs(values.ravel()) / (largest or 1.0))
    centers = np.indices((n_in, n_out)).reshape(2, -1)[::-1].T
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    squares = centers[:, None] + half[:, None, None] * corners
    colors = [_BLUE if value > 0 else _RED for value in values.flat]
    ax.add_collection(PolyCollection(list(squares), facecolors=colors, edgecolors="none"))
    ax.set(xlim=(-0.6, n_out - 0.4), ylim=(n_in - 0.4, -0.6), aspect="equal", facecolor="#eeeeee")
    ax.locator_params(integer=True, min_n_ticks=1)
    ax.set(xlabel="to unit", ylabel="from unit")
    ax.set_title(f"blue positive, red negative, largest {largest:.3g}")
    return ax


def plot_decision_boundary(
    predict: Callable[[Array], Array], x: ArrayLike, labels: ArrayLike, ax: Axes | None = None
) -> Axes:
    """Regions of the classes that `predict` chooses around samples, and the samples in them.

    The samples are x (n, 2), their classes labels (n,), from 0. `predict` gives rows (m, 2) their
    scores (m, classes), of which the greatest is chosen, or one score each, (m,) or (m, 1), above 0
    for class 1: a logit, as ``partial(forward, acts, params)`` gives it. Raises `ValueError` for
    other shapes and labels.
    """
    points = _ranked("x", x, 2, "(n, 2)")
    if points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"x: expected (n, 2), got {points.shape}; choose or project two columns")
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    margin = np.where(span > 0, 0.08 * span, 1.0)
    low, high = low - margin, low + span + margin
    places = (np.indices((_GRID, _GRID)).reshape(2, -1)[::-1].T + 0.5) / _GRID
    scores = np.asarray(predict(low + (high - low) * places))
    if scores.ndim not in (1, 2) or len(scores) != len(places):
        raise ValueError(f"predict: expected ({len(places)}, classes), got {scores.shape}")
    single = scores.size == len(places)
    chosen = (scores.ravel() > 0).astype(np.intp) if single else scores.argmax(axis=1)
    classes = 2 if single else scores.shape[1]
    which = _labels("labels", labels, len(points), classes)
    ax = _axes(ax)
    from matplotlib.colors import to_rgb

    colors = [to_rgb(f"C{i}") for i in range(classes)]  # the cycle of the style in use
    regions = (0.7 + 0.3 * np.array(colors))[chosen].reshape(_GRID, _GRID, 3)
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    ax.imshow(regions, origin="lower", extent=extent, aspect="auto")
    for i, color in enumerate(colors):
        mine = points[which == i]
        ax.scatter(mine[:, 0], mine[:, 1], 18, [color], edgecolors="w", lw=0.5, label=f"class {i}")
    ax.legend(frameon=False, ncols=min(classes, 5), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def plot_confusion(
    labels: ArrayLike,
    predicted: ArrayLike,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Confusion matrix: counts of samples by their class (rows) and the predicted one (columns).

    The darker a cell, the greater its share of its row. `labels` and `predicted` are whole numbers
    from 0, (n,) each; `names` are those of the classes.
    Raises `ValueError` for other numbers, above 999 too, and where lengths differ.
    """
    classes = 1000 if names is None else len(names)
    true = _labels("labels", labels, None, classes)
    guess = _labels("predicted", predicted, len(true), classes)
    n = 1 + int(np.concatenate([true, guess]).max(initial=0)) if names is None else classes
    counts = np.bincount(true * n + guess, minlength=n * n).reshape(n, n)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = _axes(ax)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "w" if share[row, column] > 0.7 else "k"
            ax.text(column, row, str(count), ha="center", va="center", color=color, size="small")
    ticks = list(map(str, range(n) if names is None else names))
    ax.set_xticks(range(n), ticks, rotation=90 if max(map(len, ticks)) > 3 else 0)
    ax.set_yticks(range(n), ticks)
    ax.set(xlabel="predicted", ylabel="true", title=f"{np.trace(counts)} of {len(true)} right")
    return ax


def _axes(ax: Axes | None) -> Axes:
    """`ax`, or the Axes of a new figure."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("fnn.plot needs Matplotlib: pip install 'fnn[plot]'") from error
    return pyplot.figure(layout="constrained").add_subplot()


def _ranked(name: str, values: ArrayLike, ndim: int, shape: str) -> NDArray[np.float64]:
    """Finite float64 numbers, checked to have `ndim` axes; `shape` is what an error asks for."""
    array = as_numbers(name, values).astype(np.float64)
    if array.ndim != ndim:
        raise ValueError(f"{name}: expected {shape}, got {array.shape}")
    check_finite(name, array)
    return array


def _labels(name: str, values: ArrayLike, n: int | None, classes: int) -> NDArray[np.intp]:
    """Class numbers below `classes`, checked; as many as `n`, if that is a number."""
    array = _ranked(name, values, 1, "a class for each sample, (n,)")
    if n not in (None, len(array)):
        raise ValueError(f"{name}: expected one for each of {n} samples, got {len(array)}")
    wrong = ~np.isin(array, np.arange(classes))
    if wrong.any():
        raise ValueError(f"{name}: expected 0 to {classes - 1}, got {array[wrong][0]:g}")
    return array.astype(np.intp)
