"""SciPy's minimizers (extra ``scipy``) for networks: `objective` for all, `lbfgs` as states.

SciPy works on vectors of float64 and calls back; here a vector is params, by `fnn.tree.ravel`, and
what calls back is read as a sequence.
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
from fnn.base import Acts, Batch, F, F_co, Loss, Params
from fnn.network import backprop
from fnn.solvers._conjugate_gradient import DescentState, check_start
from fnn.tree import norm, ravel

T = TypeVar("T")

NEVER = 10**9
"""Iterations that nobody waits for: who asks for states decides when there are enough."""


class Objective(NamedTuple, Generic[F_co]):
    """A loss as SciPy's minimizers take it.

    ``fun(vector) -> (value, gradient)``, in float64, is for ``jac=True``; ``start`` is the vector
    of the params, and ``unravel(vector)`` makes params of one.
    """

    fun: Callable[[NDArray[Any]], tuple[float, NDArray[np.float64]]]
    start: NDArray[np.float64]
    unravel: Callable[[NDArray[Any]], Params[F_co]]


def objective(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Objective[F]:
    """The loss of ``fnn.backprop`` on a batch as a function of one vector, as SciPy wants it.

    Raises what ``backprop`` raises, at once.

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
    backprop(acts, loss, params, batch)
    vector, unravel = ravel(params)

    def fun(vector: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
        value, grads = backprop(acts, loss, unravel(vector), batch)
        return value, frozen(ravel(grads)[0].astype(np.float64, copy=False))

    return Objective(fun, frozen(vector.astype(np.float64, copy=False)), unravel)


def lbfgs(
    acts: Acts,
    loss: Loss,
    params: Params[F],
    batch: Batch,
    *,
    memory: int = 10,
    min_grad: float = 1e-7,
) -> Generator[DescentState[F], None, None]:
    """Descend any loss by SciPy's L-BFGS-B: the start, and the state after each iteration.

    `memory` pairs of steps and gradients stand for the curvature. Iterations come until no entry
    of the gradient exceeds `min_grad`, or no step lowers the loss: then a last state repeats the
    point and its number, and ``stop`` is SciPy's own message. Limit it by `islice`. SciPy runs in a
    thread, but only while the next state is asked for, and ends with the iterator.

    Raises what ``backprop`` raises, `ValueError` for params whose loss is not finite, `ImportError`
    without SciPy. Source: Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound
    constrained optimization", 1995.

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
        fun, start, unravel = objective(acts, loss, params, batch)
        first, slope = fun(start)
    check_start(first)

    def run(emit: Callable[[DescentState[F]], None]) -> None:
        number, latest, value, gradient = 0, start, first, slope

        def evaluate(vector: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
            nonlocal latest, value, gradient
            if not np.array_equal(vector, latest):  # where an iteration ends, its line search was
                latest = vector.copy()
                value, gradient = fun(latest)
            return value, gradient

        def state(vector: NDArray[Any], stop: str | None = None) -> DescentState[F]:
            value, gradient = evaluate(vector)
            return DescentState(number, unravel(vector), value, norm(gradient), stop)

        def callback(vector: NDArray[Any]) -> None:
            nonlocal number
            number += 1
            emit(state(vector))

        emit(state(start))
        limits = {"maxiter": NEVER, "maxfun": NEVER}
        options = {"maxcor": memory, "gtol": min_grad, "ftol": 0.0, **limits}
        done = minimize(
            evaluate, start, jac=True, method="L-BFGS-B", callback=callback, options=options
        )
        emit(state(done.x, str(done.message)))

    return _sequence(run)


def _sequence(run: Callable[[Callable[[T], None]], None]) -> Generator[T, None, None]:
    """What `run(emit)` emits, in step: it waits in a thread until the next one is asked for."""
    asked: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()

    def emit(value: T) -> None:
        made.put((value,))
        wait()

    def wait() -> None:
        if not asked.get():
            raise GeneratorExit  # out of SciPy as well

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
