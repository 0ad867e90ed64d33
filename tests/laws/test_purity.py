"""No call changes its arguments, remembers anything, or returns what can be written."""

from __future__ import annotations

import copy
import inspect
import pickle
import tempfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import fnn
from fnn import (
    Activation,
    Array,
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Loss,
    Optimizer,
    Params,
    State,
    apply_updates,
    backprop,
    compiled,
    derivatives,
    fit,
    fold,
    forward,
    init,
    key,
    load,
    minibatches,
    one_hot,
    samples,
    save,
    scan,
    solvers,
    start,
    step,
    trace,
    train_step,
    vjp,
)
from fnn.activations import identity, tanh
from fnn.base import Acts
from fnn.initializers import constant, glorot_uniform, orthogonal
from fnn.losses import squared_error
from fnn.network import gradient_vector, mean_loss
from fnn.optimizers import sgd
from fnn.random import fold_in, normal, permutation, split, uniform
from fnn.train import TrainStep, epochs
from fnn.tree import leaves, ravel


class World(NamedTuple):
    """What a user holds: arrays of their own, writable, in every place that takes arrays."""

    acts: Acts
    params: Params
    grads: Grads
    x: Array
    y: Array
    weight: Array
    labels: Array
    state: State
    update: TrainStep[Any]

    @property
    def data(self) -> Batch:
        return Batch(self.x, self.y)

    @property
    def weighted(self) -> Batch:
        return Batch(self.x, self.y, self.weight)


def world(dtype: Any = np.float64, acts: Acts = (tanh, identity)) -> World:
    rng = np.random.default_rng(0)
    shapes = ((3, 4), (4,)), ((4, 2), (2,))
    draw = rng.standard_normal
    return World(
        acts,
        tuple(Layer(draw(w).astype(dtype), draw(b).astype(dtype)) for w, b in shapes),
        tuple(LayerGrad(draw(w).astype(dtype), draw(b).astype(dtype)) for w, b in shapes),
        draw((5, 3)),
        draw((5, 2)),
        rng.random(5),
        rng.integers(0, 2, 5),
        State(tuple(Layer(draw(w), draw(b)) for w, b in shapes), sgd(0.1).init(())),
        train_step(acts, squared_error, sgd(0.1)),
    )


def on_disk(tree: Any, like: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder, "tree.npz"), tree)
        return load(Path(folder, "tree.npz"), like)


def objective(u: World) -> tuple[Acts, Loss, Params, Batch]:
    return u.acts, squared_error, u.params, u.weighted


def bayesian_posterior(u: World) -> Any:
    state = three(solvers.bayesian_regularization(u.acts, u.params, u.data))[2]
    return solvers.posterior(u.acts, state, u.data)


def three(states: Iterator[Any]) -> Any:
    """The first three states: what comes later must not change those before."""
    found = tuple(islice(states, 3))
    if isinstance(states, Generator):
        states.close()
    return found


CALLS: dict[str, Callable[[World], Any]] = {
    "init": lambda u: init(key(0), (3, 4, 2)),
    "init in float32": lambda u: init(key(0), (3, 4, 2), orthogonal, constant(0.1), np.float32),
    "init of user's arrays": lambda u: init(key(0), (3, 4), lambda *_: u.params[0].w),
    "forward": lambda u: forward(u.acts, u.params, u.x),
    "forward of a sample": lambda u: forward(u.acts, u.params, u.x[0]),
    "trace": lambda u: trace(u.acts, u.params, u.x),
    "vjp": lambda u: vjp(u.acts, u.params, u.x)[1](u.y),
    "vjp of a sample": lambda u: vjp(u.acts, u.params, u.x[0])[1](u.y[0]),
    "backprop": lambda u: backprop(u.acts, squared_error, u.params, u.data),
    "backprop of a sample": lambda u: backprop(
        u.acts, squared_error, u.params, Batch(u.x[0], u.y[0], u.weight[0])
    ),
    "backprop with weights": lambda u: backprop(u.acts, squared_error, u.params, u.weighted),
    "gradient_vector": lambda u: gradient_vector(u.acts, squared_error, u.params, u.weighted),
    "fit": lambda u: fit(
        u.acts, squared_error, sgd(0.1), u.params, u.data, key=key(0), batch_size=2, max_epochs=2
    ),
    "save": lambda u: on_disk(u.state, u.state),
    "load": lambda u: on_disk(u.params, u.params),
    "step": lambda u: step(u.params, u.grads, 0.1),
    "step of no length": lambda u: step(u.params, u.grads, 0.0),
    "apply_updates": lambda u: apply_updates(u.params, u.grads),
    "start": lambda u: start(sgd(0.1), u.params),
    "train_step": lambda u: u.update(u.state, u.data),
    "train_step on a sample": lambda u: u.update(u.state, Batch(u.x[0], u.y[0])),
    "scan": lambda u: scan(u.update, u.state, samples(u.data)),
    "fold": lambda u: fold(lambda s, b: u.update(s, b)[0], u.state, samples(u.data)),
    "epochs": lambda u: next(epochs(u.update, u.state, [minibatches(key(0), 2, u.weighted)])),
    "samples": lambda u: tuple(samples(u.data)),
    "minibatches": lambda u: tuple(minibatches(key(1), 2, u.weighted)),
    "one_hot": lambda u: one_hot(u.labels, 2),
    "key": lambda u: key(3),
    "split": lambda u: split(key(3)),
    "uniform": lambda u: uniform(key(3), (2, 2)),
    "uniform in float32": lambda u: uniform(key(3), (2, 2), dtype=np.float32),
    "normal": lambda u: normal(fold_in(key(3), 1), 4),
    "permutation": lambda u: permutation(key(3), 4),
    "ravel": lambda u: ravel(u.params)[0],
    "unravel": lambda u: ravel(u.params)[1](np.concatenate([a.ravel() for a in leaves(u.params)])),
    "jvp": lambda u: derivatives.jvp(u.acts, u.params, u.x, u.grads, u.x),
    "jacobian": lambda u: derivatives.jacobian(u.acts, u.params, u.x),
    "input_jacobian": lambda u: derivatives.input_jacobian(u.acts, u.params, u.x),
    "input_hessian": lambda u: derivatives.input_hessian(u.acts, u.params, u.x),
    "laplacian": lambda u: derivatives.laplacian(u.acts, u.params, u.x),
    "input_gradient": lambda u: derivatives.input_gradient(*objective(u)),
    "per_example_gradients": lambda u: derivatives.per_example_gradients(*objective(u)),
    "per_example_norms": lambda u: derivatives.per_example_norms(*objective(u)),
    "clipped_sum": lambda u: derivatives.clipped_sum(*objective(u), 0.1),
    "hvp": lambda u: derivatives.hvp(*objective(u), u.grads),
    "hessian": lambda u: derivatives.hessian(*objective(u)),
    "gauss_newton_vp": lambda u: derivatives.gauss_newton_vp(*objective(u), u.grads),
    "fisher_vp": lambda u: derivatives.fisher_vp(*objective(u), u.grads),
    "diagonal_gauss_newton": lambda u: derivatives.diagonal_gauss_newton(*objective(u)),
    "kfac_factors": lambda u: derivatives.kfac_factors(*objective(u)),
    "levenberg_marquardt": lambda u: three(
        solvers.levenberg_marquardt(u.acts, u.params, u.weighted)
    ),
    "bayesian_regularization": lambda u: three(
        solvers.bayesian_regularization(u.acts, u.params, u.data)
    ),
    "bayesian_starts": lambda u: solvers.bayesian_starts(
        key(3), 2, u.acts, lambda k: u.params, u.data, max_steps=2
    ),
    "finish": lambda u: solvers.finish(
        solvers.levenberg_marquardt(u.acts, u.params, u.data, max_steps=2)
    ),
    "posterior": bayesian_posterior,
    "predict_interval": lambda u: solvers.predict_interval(u.acts, bayesian_posterior(u), u.x),
    "leave_one_out": lambda u: solvers.leave_one_out(u.acts, u.params, u.weighted, penalty=0.1),
    "scaled_conjugate_gradient": lambda u: three(solvers.scaled_conjugate_gradient(*objective(u))),
    "lbfgs": lambda u: three(solvers.lbfgs(*objective(u))),
    "objective": lambda u: solvers.objective(*objective(u)).fun(ravel(u.params)[0]),
    "objective, its start": lambda u: solvers.objective(*objective(u)).start,
    "an initializer": lambda u: glorot_uniform(key(3), (2, 2), np.dtype(np.float32)),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def fingerprint(tree: Any) -> list[Any]:
    """Every byte and every flag of every array."""
    return [
        (a.tobytes(), a.dtype, a.shape, a.strides, a.ctypes.data, a.flags.writeable)
        for a in leaves(tree)
        if isinstance(a, np.ndarray)
    ]


def arrays(tree: Any) -> list[Array]:
    return [leaf for leaf in leaves(tree) if isinstance(leaf, np.ndarray)]


def assert_same(got: Any, want: Any) -> None:
    for a, b in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_array_equal(a, b, strict=isinstance(a, np.ndarray))


def test_every_public_function_is_called_here() -> None:
    functions = {name for name in fnn.__all__ if inspect.isfunction(getattr(fnn, name))}
    assert functions <= {name.partition(" ")[0] for name in CALLS}


@each_call
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_argument_is_changed_or_frozen(call: Callable[[World], Any], dtype: Any) -> None:
    mine = world(dtype)
    if dtype is np.float32:
        mine = mine._replace(state=start(sgd(0.1), mine.params))
    before = fingerprint(mine)
    assert len(before) == 16
    call(mine)
    assert fingerprint(mine) == before


@each_call
def test_results_are_read_only_and_share_no_memory_that_a_caller_could_write(
    call: Callable[[World], Any], request: pytest.FixtureRequest
) -> None:
    mine = world()
    for result in arrays(call(mine)):
        assert not result.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            result[...] = 0
        if "samples" not in request.node.callspec.id:  # those are views by design
            assert not any(np.shares_memory(result, a) for a in arrays(mine))


def test_identity_layers_return_no_view_of_their_input() -> None:
    """No weights to speak of, and f that returns its very argument."""
    mine = world(acts=(identity, Activation(lambda z: z, lambda z, a: a)))
    before = fingerprint(mine)
    x = np.eye(3)
    unit = (Layer(np.eye(3), np.zeros(3)),)
    results = (
        forward((identity,), unit, x),
        trace((identity,), unit, x),
        vjp((identity,), unit, x)[1](x),
        backprop((identity,), squared_error, unit, Batch(x, x)),
        backprop(mine.acts, squared_error, mine.params, mine.data),
    )
    for result in arrays(results):
        assert not any(np.shares_memory(result, a) for a in (x, *arrays(unit), *arrays(mine)))
    assert fingerprint(mine) == before
    assert x.flags.writeable


@pytest.mark.parametrize("rows", [None, 5])
def test_pairs_may_return_arrays_that_they_keep(rows: int | None) -> None:
    """A slope that is always the same array, and a loss whose slope is the target itself."""
    mine = world()
    x, y = (mine.x, mine.y) if rows else (mine.x[0], mine.y[0])
    ones = {n: np.ones((rows, n) if rows else n) for n in (4, 2)}
    kept = Activation(lambda z: z + 0, lambda z, a: ones[z.shape[-1]])
    linear = Loss(lambda output, target: (output * target).sum(-1), lambda output, target: target)
    before = fingerprint((x, y, *ones.values()))
    first = backprop((kept, kept), linear, mine.params, Batch(x, y))
    assert_same(backprop((kept, kept), linear, mine.params, Batch(x, y)), first)
    assert_same(vjp((kept, kept), mine.params, x)[1](y), vjp((kept, kept), mine.params, x)[1](y))
    assert fingerprint((x, y, *ones.values())) == before


def broken(*_: Any) -> Any:
    raise ArithmeticError("broken on purpose")


def fails_at(layer: int, part: str) -> Acts:
    bad = Activation(broken, tanh.df) if part == "f" else Activation(tanh.f, broken)
    return tuple(bad if i == layer else tanh for i in range(2))


FAILURES: dict[str, Callable[[World], Any]] = {
    "x of another width": lambda u: forward(u.acts, u.params, u.x[:, :2]),
    "the second activation": lambda u: trace(fails_at(1, "f"), u.params, u.x),
    "the last slope": lambda u: backprop(fails_at(1, "df"), squared_error, u.params, u.data),
    "the first slope": lambda u: vjp(fails_at(0, "df"), u.params, u.x)[1](u.y),
    "the loss": lambda u: backprop(u.acts, Loss(broken, broken), u.params, u.data),
    "the slope of the loss": lambda u: backprop(
        u.acts, Loss(squared_error.f, broken), u.params, u.weighted
    ),
    "targets": lambda u: backprop(u.acts, squared_error, u.params, Batch(u.x, u.y[:, :1])),
    "weights": lambda u: backprop(u.acts, squared_error, u.params, Batch(u.x, u.y, -u.weight)),
    "strings": lambda u: backprop(u.acts, squared_error, u.params, Batch(u.x, u.y.astype(str))),
    "the pullback": lambda u: vjp(u.acts, u.params, u.x)[1](u.y[:, :1]),
    "the rate": lambda u: step(u.params, u.grads, float("nan")),
    "the second gradient": lambda u: step(u.params, (u.grads[0], u.grads[0]), 0.1),
    "the second update": lambda u: apply_updates(u.params, (u.grads[0], u.grads[0])),
    "the second layer": lambda u: start(sgd(0.1), (u.params[0], u.params[0])),
    "the optimizer's start": lambda u: start(Optimizer(broken, broken), u.params),
    "the optimizer": lambda u: train_step(
        u.acts, squared_error, Optimizer(lambda params: u.state.opt, broken)
    )(u.state, u.data),
    "the schedule": lambda u: train_step(u.acts, squared_error, sgd(broken))(u.state, u.data),
    "a batch in the middle": lambda u: scan(
        u.update, u.state, [u.data, u.data, u.data._replace(y=u.x)]
    ),
    "a batch in an epoch": lambda u: next(
        epochs(u.update, u.state, [[u.data, u.data._replace(y=u.x)]])
    ),
    "labels": lambda u: one_hot(-u.labels - 1, 2),
    "rows": lambda u: samples(Batch(u.x, u.y[:3])),
    "weights of data": lambda u: minibatches(key(0), 2, Batch(u.x, u.y, -u.weight)),
}


@pytest.mark.parametrize("call", FAILURES.values(), ids=FAILURES)
def test_a_call_that_fails_leaves_everything_as_it_was(call: Callable[[World], Any]) -> None:
    mine = world()
    before, good = fingerprint(mine), mine.update(mine.state, mine.weighted)
    with pytest.raises((ArithmeticError, TypeError, ValueError)):
        call(mine)
    assert fingerprint(mine) == before
    assert_same(mine.update(mine.state, mine.weighted), good)


def test_results_do_not_depend_on_what_was_called_before() -> None:
    mine = world()
    alone = {name: call(mine) for name, call in CALLS.items()}
    names = list(CALLS)
    for i in range(20):
        for j in permutation(key(i), len(names)):
            assert_same(CALLS[names[j]](mine), alone[names[j]])
        with pytest.raises((ArithmeticError, TypeError, ValueError)):
            list(FAILURES.values())[i](mine)


def test_global_state_is_neither_read_nor_written() -> None:
    mine = world()
    results = []
    legacy: Any = np.random  # its global generator must not matter
    for seed in (1, 2):
        legacy.seed(seed)
        state, errors, options = legacy.get_state(), np.geterr(), np.get_printoptions()
        results.append([call(mine) for call in CALLS.values()])
        for a, b in zip(legacy.get_state(), state, strict=True):
            np.testing.assert_array_equal(a, b)
        assert np.geterr() == errors
        assert np.get_printoptions() == options
    assert_same(tuple(results[0]), tuple(results[1]))


def network(width: int) -> tuple[Params, list[Batch]]:
    keys = split(key(5), 3)
    x, y = normal(keys[0], (40, 32, width)), normal(keys[1], (40, 32, 2))
    return init(keys[2], (width, width, 2)), [Batch(*rows) for rows in zip(x, y, strict=True)]


@pytest.mark.parametrize("width", [3, 64])
def test_threads_may_share_params_and_passes(width: int) -> None:
    params, batches = network(width)
    update = train_step((tanh, identity), squared_error, sgd(0.1))
    state = start(sgd(0.1), params)
    shared = minibatches(key(0), 7, batches[0])

    def work(batch: Batch) -> Any:
        value = backprop((tanh, identity), squared_error, params, batch)
        return value, update(state, batch), scan(update, state, shared)

    serial = [work(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(work, batches))
    for got, want in zip(threaded, serial, strict=True):
        assert_same(got, want)


def test_threads_may_share_a_pullback() -> None:
    params, batches = network(16)
    _, pullback = vjp((tanh, identity), params, batches[0].x)
    serial = [pullback(batch.y) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(pullback, [batch.y for batch in batches]))
    for got, want in zip(threaded, serial, strict=True):
        assert_same(got, want)


def test_what_becomes_state_is_a_copy_and_the_callers_array_stays_theirs() -> None:
    mine = world()
    base = np.ones((4, 2))
    view = base[:]
    view.setflags(write=False)
    params = (mine.params[0], Layer(view, mine.params[1].b))
    state = start(sgd(0.1), params)
    expected = forward(mine.acts, state.params, mine.x)
    for array in (mine.params[0].w, mine.params[0].b, base, mine.params[1].b):
        assert array.flags.writeable
        array[...] = np.nan
    assert_same(forward(mine.acts, state.params, mine.x), expected)
    for leaf in leaves(state.params):
        assert not leaf.flags.writeable
        assert leaf.flags.owndata


def test_start_copies_read_only_arrays_too_which_an_older_view_may_write() -> None:
    mine = world()
    views = [array.view() for array in arrays(mine.params)]
    for array in arrays(mine.params):
        array.setflags(write=False)
    state = start(sgd(0.1), mine.params)
    before = fingerprint(state)
    for array in views:
        array[...] = np.nan
    assert fingerprint(state) == before


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda tree: pickle.loads(pickle.dumps(tree))])
def test_start_freezes_what_was_unpickled_or_copied_and_so_may_be_written(
    copied: Callable[[Any], Any],
) -> None:
    given = copied(init(key(0), (3, 4, 2)))
    assert all(array.flags.writeable for array in arrays(given))
    state = start(sgd(0.1), given)
    assert not any(array.flags.writeable for array in arrays(state))
    assert all(array.flags.writeable for array in arrays(given))


def test_what_an_optimizer_returns_stays_with_it() -> None:
    """Its arrays are neither frozen nor changed: they may be the caller's."""
    mine = world()
    updates = tuple(LayerGrad(w.copy(), b.copy()) for w, b in mine.grads)

    def update(grads: Grads[Any], state: int, params: Params[Any]) -> tuple[Grads[Any], int]:
        return updates, state + 1

    before = fingerprint(updates)
    fixed = train_step(mine.acts, squared_error, Optimizer(len, update))
    state, _ = scan(fixed, start(fixed.optimizer, mine.params), [mine.data] * 3)
    assert fingerprint(updates) == before
    assert state.opt == 5
    np.testing.assert_allclose(
        state.params[0].w, mine.params[0].w + 3 * updates[0].w, rtol=1e-15, atol=1e-15
    )


def test_arguments_may_be_views_of_each_other() -> None:
    """Here x is a view of the first weights, y of the second, and the gradients are the params."""
    mine = world()
    params = (Layer(mine.params[0].w, mine.params[0].b), mine.params[1])
    x, y = mine.params[0].w.T[:2], mine.params[1].w[:2]
    copied = tuple(Layer(w.copy(), b.copy()) for w, b in params)
    want = backprop(mine.acts, squared_error, copied, Batch(x.copy(), y.copy()))
    assert_same(backprop(mine.acts, squared_error, params, Batch(x, y)), want)
    grads = tuple(LayerGrad(w, b) for w, b in params)
    doubled = apply_updates(params, grads)
    halved = step(params, grads, 0.5)
    for got, half, leaf in zip(leaves(doubled), leaves(halved), leaves(copied), strict=True):
        np.testing.assert_array_equal(got, 2 * leaf)
        np.testing.assert_array_equal(half, leaf / 2)
    for got, leaf in zip(leaves(params), leaves(copied), strict=True):
        np.testing.assert_array_equal(got, leaf)


def test_a_pass_cannot_be_written_through_and_leaves_the_data_writable() -> None:
    mine = world()

    def batches() -> Iterator[Batch]:
        yield from samples(mine.data)
        yield from minibatches(key(0), 2, mine.weighted)

    for batch in batches():
        for part in arrays(tuple(batch)):
            with pytest.raises(ValueError, match="read-only"):
                part[...] = 0
    mine.x[0, 0] = 7.0
    assert samples(mine.data)[0].x[0] == 7.0


def test_what_a_users_function_keeps_is_not_frozen() -> None:
    kept = np.empty((4, 3))
    pair = Activation(lambda z: np.tanh(z, out=kept), lambda z, a: 1 - a * a)
    params = init(key(0), (3, 3))
    for call in (forward, trace, vjp):
        call((pair,), params, np.ones((4, 3)))
        assert kept.flags.writeable
    assert fnn.tree.map(lambda a: a, (kept,))[0] is kept
    assert kept.flags.writeable


def spoilers() -> dict[str, Activation]:
    """Pairs that write to what they get."""

    def f(z: Array) -> Array:
        return np.tanh(z, out=z)

    def df_to_a(z: Array, a: Array) -> Array:
        return np.cos(z, a)

    def df_to_z(z: Array, a: Array) -> Array:
        z *= 2.0
        return z

    return {
        "f": Activation(f, tanh.df),
        "df, a": Activation(np.sin, df_to_a),
        "df, z": Activation(np.sin, df_to_z),
    }


@pytest.mark.parametrize("rows", [None, 5])
@pytest.mark.parametrize("name", spoilers())
@pytest.mark.parametrize("layer", [0, 1])
def test_what_a_pair_gets_is_read_only(name: str, layer: int, rows: int | None) -> None:
    bad = spoilers()[name]
    mine = world(acts=(bad, identity) if layer == 0 else (tanh, bad))
    data = Batch(mine.x, mine.y) if rows else Batch(mine.x[0], mine.y[0])
    with pytest.raises(ValueError, match="read-only"):
        backprop(mine.acts, squared_error, mine.params, data)
    if name == "f":
        for call in (forward, trace):
            with pytest.raises(ValueError, match="read-only"):
                call(mine.acts, mine.params, data.x)
    else:
        output, pullback = vjp(mine.acts, mine.params, data.x)
        before = output.tobytes()
        for _ in range(2):
            with pytest.raises(ValueError, match="read-only"):
                pullback(data.y)
        assert output.tobytes() == before


def test_what_a_second_derivative_and_the_curvature_of_a_loss_get_is_read_only() -> None:
    flags: list[bool] = []

    def seen(*arrays: Array) -> None:
        flags.extend(array.flags.writeable for array in arrays)

    def d2f(z: Array, a: Array) -> Array:
        seen(z, a)
        return np.zeros_like(z)

    def loss_d2f(output: Array, target: Array, v: Array) -> Array:
        seen(output, target, v)
        return 2.0 * v

    mine = world(acts=(Activation(lambda z: z + 0, lambda z, a: np.ones_like(z), d2f), identity))
    loss = squared_error._replace(d2f=loss_d2f)
    derivatives.hvp(mine.acts, loss, mine.params, mine.data, mine.grads)
    derivatives.gauss_newton_vp(mine.acts, loss, mine.params, mine.data, mine.grads)
    assert len(flags) >= 8
    assert not any(flags)


@pytest.mark.parametrize("weight", [None, np.ones(5), np.ones((5, 2))], ids=["none", "row", "each"])
def test_what_a_loss_gets_is_read_only(weight: Array | None) -> None:
    flags: list[bool] = []

    def f(output: Array, target: Array) -> Array:
        flags.extend([output.flags.writeable, target.flags.writeable])
        return squared_error.f(output, target)

    def df(output: Array, target: Array) -> Array:
        flags.extend([output.flags.writeable, target.flags.writeable])
        return squared_error.df(output, target)

    mine = world()
    data = Batch(mine.x, mine.y, weight)
    backprop(mine.acts, Loss(f, df), mine.params, data)
    mean_loss(mine.acts, Loss(f, df), mine.params, data)
    backprop(mine.acts, Loss(f, df), mine.params, Batch(mine.x[0], mine.y[0]))
    assert len(flags) >= 12
    assert not any(flags)
    assert mine.y.flags.writeable


def untyped(value: Any) -> Any:
    """A value that a type checker would refuse."""
    return value


UFUNCS: dict[str, tuple[Callable[[World], Any], str]] = {
    "df of one input": (
        lambda u: forward((untyped(Activation)(np.sin, np.cos), identity), u.params, u.x),
        (
            r"acts\[0\]\.df: expected a function of z and a, got the ufunc np\.cos, of 1 input and"
            r" then its output; write lambda z, a: np\.cos\(z\)"
        ),
    ),
    "f of two inputs": (
        lambda u: forward((tanh, untyped(Activation)(np.maximum, tanh.df)), u.params, u.x),
        (
            r"acts\[1\]\.f: expected a function of z, got the ufunc np\.maximum, of 2 inputs and"
            r" then its output; write a function of z alone, as lambda z: np\.maximum\(z, 0\.0\)"
        ),
    ),
    "a step's df": (
        lambda u: train_step((tanh, untyped(Activation)(np.sin, np.cos)), squared_error, sgd(0.1)),
        r"acts\[1\]\.df: expected a function of z and a, got the ufunc np\.cos",
    ),
    "a loss's df": (
        lambda u: backprop(u.acts, untyped(Loss)(squared_error.f, np.sign), u.params, u.data),
        (
            r"loss\.df: expected a function of output and target, got the ufunc np\.sign, of 1"
            r" input and then its output; write lambda output, target: np\.sign\(output\)"
        ),
    ),
    "compiled": (
        lambda u: compiled.forward((untyped(Activation)(np.sin, np.cos), identity), u.params, u.x),
        r"acts\[0\]\.df: expected a function of z and a, got the ufunc np\.cos",
    ),
    "a second derivative": (
        lambda u: derivatives.hvp(
            (Activation(np.sin, lambda z, a: np.cos(z), np.negative), identity),
            *(squared_error, u.params, u.data, u.grads),
        ),
        r"acts\[0\]\.d2f: expected a function of z and a, got the ufunc np\.negative, of 1 input",
    ),
}


@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_that_would_write_to_its_second_argument_is_told(name: str) -> None:
    call, message = UFUNCS[name]
    with pytest.raises(TypeError, match=f"^{message}"):
        call(world())


def test_a_ufunc_of_the_right_inputs_is_taken_and_the_remedy_works() -> None:
    mine = world()
    pairs = (Activation(np.sin, lambda z, a: np.cos(z)), Activation(np.negative, np.copysign))
    output, pullback = vjp(pairs, mine.params, mine.x)
    before = output.tobytes()
    assert_same(pullback(mine.y), pullback(mine.y))
    assert output.tobytes() == before
