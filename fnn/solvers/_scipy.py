"""SciPy's minimizers (extra ``scipy``): `lbfgs` yields states, `objective` serves all others.

SciPy works on vectors of float64, which `fnn.tree.ravel` makes of params, and reports progress by
calling a function; `_iterator` turns such calls into an iterator.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.numbers import check_rate, whole
from fnn._core.targets import check_targets
from fnn.base import Acts, Batch, F, F_co, Loss, Params
from fnn.network import backprop
from fnn.solvers._conjugate_gradient import DescentState
from fnn.solvers._rescaled import rescaled
from fnn.tree import freeze, norm, ravel

T = TypeVar("T")

NO_LIMIT = 10**9
"""Iterations and evaluations for SciPy: the caller stops by not asking for further states."""


class Objective(NamedTuple, Generic[F_co]):
    """A loss in the form that SciPy's minimizers take.

    ``fun(vector) -> (value, gradient)``, in float64, is for ``jac=True``; ``start`` is the vector
    of the params, and ``unravel(vector)`` makes params of such a vector.
    """

    fun: Callable[[NDArray[Any]], tuple[float, NDArray[np.float64]]]
    start: NDArray[np.float64]
    unravel: Callable[[NDArray[Any]], Params[F_co]]


def objective(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Objective[F]:
    """The loss of `fnn.backprop` on a batch as a function of one vector, for SciPy's minimizers.

    Raises at once what `fnn.backprop` raises for these arguments.

    >>> import numpy as np
    >>> from scipy.optimize import minimize
    >>> from fnn import init, key
    >>> from fnn.activations import identity, tanh
    >>> from fnn.losses import squared_error
    >>> data, params = Batch(np.eye(2), np.array([[0.5], [-0.5]])), init(key(0), (2, 3, 1))
    >>> fun, start, unravel = objective((tanh, identity), squared_error, params, data)
    >>> done = minimize(fun, start, jac=True, method="BFGS")
    >>> bool(done.fun < 1e-9), len(unravel(done.x))
    (True, 2)
    """
    check_targets(acts, loss, params, batch, "batch")
    backprop(acts, loss, params, batch)
    start, unravel = ravel(params)

    def fun(vector: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
        value, grads = backprop(acts, loss, unravel(vector), batch)
        return value, frozen(ravel(grads)[0].astype(np.float64, copy=False))

    return Objective(fun, frozen(start.astype(np.float64, copy=False)), unravel)


def lbfgs(
    acts: Acts,
    loss: Loss,
    params: Params[F],
    batch: Batch,
    *,
    memory: int = 10,
    min_grad: float = 1e-7,
) -> Generator[DescentState[F], None, None]:
    """Minimize any loss by SciPy's L-BFGS-B; yield the start, and the state after each iteration.

    The curvature is estimated from the last `memory` pairs of steps and gradients. Iterations end
    when no entry of the gradient exceeds `min_grad`, or when no step lowers the loss: then a last
    state repeats the point and its number, and ``stop`` is SciPy's own message, after "unmoved: "
    if there was no step at all. Data may be in any units, and the gradient is that of a
    `DescentState`. SciPy runs in a thread, but only while the next state is asked for, and ends
    with the iterator.

    Raises what `fnn.backprop` raises, `ValueError` for params whose loss is not finite, and
    `ImportError` without SciPy. Source: Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for
    bound constrained optimization", 1995.

    >>> import numpy as np
    >>> from fnn import init, key
    >>> from fnn.activations import identity, tanh
    >>> from fnn.losses import squared_error
    >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> states = lbfgs((tanh, identity), squared_error, init(key(0), (1, 5, 1)), Batch(x, x**2))
    >>> next(state.number for state in states if state.loss < 1e-2) < 100
    True
    """
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError("fnn.solvers.lbfgs needs SciPy: pip install 'fnn[scipy]'") from error
    memory, min_grad = whole("memory", memory, 1), check_rate("min_grad", min_grad)
    with np.errstate(over="ignore", invalid="ignore"):
        task = rescaled(acts, loss, params, batch)
        start = task.start if task.other is None else task.other
        first, slope = task.value(start)
        given = DescentState(0, freeze(params), *_figures(*task.value(task.start)), None)

    def run(emit: Callable[[DescentState[F]], None]) -> None:
        number, latest, value, gradient = 0, start, first, slope

        def evaluate(vector: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
            nonlocal latest, value, gradient
            if not np.array_equal(vector, latest):  # an iteration ends where its line search did
                latest = vector.copy()
                value, gradient = task.value(latest)
            return value / task.size, gradient

        def state(vector: NDArray[Any], stop: str | None = None) -> DescentState[F]:
            evaluate(vector)
            current = task.params(vector) if number else given.params
            return DescentState(number, current, *_figures(value, gradient), stop)

        def callback(vector: NDArray[Any]) -> None:
            nonlocal number
            number += 1
            emit(state(vector))

        emit(given)
        if task.other is not None:
            number = 1
            emit(state(start))
        limits = {"maxiter": NO_LIMIT, "maxfun": NO_LIMIT}
        options = {"maxcor": memory, "gtol": min_grad, "ftol": 0.0, **limits}
        done = minimize(
            evaluate, start, jac=True, method="L-BFGS-B", callback=callback, options=options
        )
        moved = number > 0 or given.gradient_norm <= min_grad
        emit(state(done.x, str(done.message) if moved else f"unmoved: {done.message}"))

    return _iterator(run)


def _figures(value: float, gradient: NDArray[Any]) -> tuple[float, float]:
    """The loss and the gradient's norm of a state."""
    return value, norm(gradient)


def _iterator(run: Callable[[Callable[[T], None]], None]) -> Generator[T, None, None]:
    """A generator of what `run(emit)` emits; `run` waits in a thread between two items."""
    asked: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()

    def emit(value: T) -> None:
        made.put((value,))
        wait()

    def wait() -> None:
        if not asked.get():
            raise GeneratorExit  # leaves SciPy too

    def work() -> None:
        try:
            wait()
            run(emit)
        except BaseException as error:
            made.put(error)
        else:
            made.put(None)

    def states() -> Generator[T, None, None]:
        Thread(target=copy_context().run, args=(work,), daemon=True).start()
        try:
            while True:
                asked.put(True)
                item = made.get()
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item[0]
        finally:
            asked.put(False)

    return states()
