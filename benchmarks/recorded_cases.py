"""Calls of every public function, for `benchmarks.same_results` to record and compare.

A call stands in `CASES` under its name; "wrong 3 forward" is one that raises.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float32, float64

FLOATS = float64, float32

# Where public names were: they are looked for in their new module, and then in these.
OLD = {"data": ("splits", "scaling", "sources", "tables"), "losses": ("targets",)}
OLD |= {"activations": ("dropout",)}


class Public:
    """The public names of a module, wherever they are."""

    def __init__(self, name: str) -> None:
        self.places = [f"fnn.{place}" for place in (name, *OLD.get(name, ()))]

    def __getattr__(self, name: str) -> Any:
        for place in self.places:
            try:
                return getattr(import_module(place), name)
            except (ModuleNotFoundError, AttributeError):
                continue
        raise AttributeError(f"{name}: expected it in one of {self.places}, found it in none")


fnn, compiled = import_module("fnn"), import_module("fnn.compiled")
solvers, testing = Public("solvers"), Public("testing")
activations, data, losses = Public("activations"), Public("data"), Public("losses")
derivatives, initializers, network = map(Public, ("derivatives", "initializers", "network"))
optimizers, plot, random, schedules = map(Public, ("optimizers", "plot", "random", "schedules"))
train, tree = Public("train"), Public("tree")
key, init, Batch, Layer, LayerGrad = fnn.key, fnn.init, fnn.Batch, fnn.Layer, fnn.LayerGrad
chain, masked, adam, sgd = optimizers.chain, optimizers.masked, optimizers.adam, optimizers.sgd
identity, relu = activations.identity, activations.relu
sigmoid, tanh = activations.sigmoid, activations.tanh
squared_error, huber = losses.squared_error, losses.huber


def drawn(seed: int, *shape: int, low: float = -1.5, high: float = 1.5) -> Any:
    """Numbers that no case can change."""
    values = np.random.default_rng(seed).uniform(low, high, shape)
    values.setflags(write=False)
    return values


def rows(n: int, n_in: int = 3, n_out: int = 2, weight: bool = False) -> Any:
    weights = drawn(3, n, low=0.1, high=1.0) if weight else None
    return Batch(drawn(1, n, n_in), drawn(2, n, n_out, low=0.1, high=0.9), weights)


DATA, ROWS, HEAVY = rows(5), rows(20), rows(20, weight=True)
X, Y = DATA.x, DATA.y
ACTS, PARAMS = (tanh, sigmoid), init(key(0), (3, 4, 2), b_init=initializers.normal(0.1))
NARROW = init(key(0), (3, 4, 2), dtype=float32)
GRADS = tuple(LayerGrad(drawn(4, *w.shape), drawn(5, *b.shape)) for w, b in PARAMS)
UPDATE = fnn.train_step(ACTS, squared_error, sgd(0.1))
STATE = fnn.start(sgd(0.1), PARAMS)
WEIGHTS = ((True, False),) * 2

SINE = fnn.Activation(np.sin, lambda z, a: np.cos(z))
QUARTIC = fnn.Loss(lambda u, y: ((u - y) ** 4).sum(-1), lambda u, y: 4.0 * (u - y) ** 3)
CLIFF = fnn.Loss(lambda u, y: u.sum(-1), lambda u, y: np.where(u > -2.0, 1.0, np.inf))
NAMES = "identity sigmoid tanh relu softplus softsign silu gelu gelu_tanh mish selu hard_sigmoid"
ACTIVATIONS = {name: getattr(activations, name) for name in NAMES.split(" ")}
ACTIVATIONS |= {"leaky_relu": activations.leaky_relu(0.1), "elu": activations.elu(0.7)}
ACTIVATIONS |= {"leaky": activations.leaky_relu(), "elu of 1": activations.elu()}
NAMES = "squared_error absolute_error sigmoid_cross_entropy softmax_cross_entropy poisson hinge"
LOSSES = {name: getattr(losses, name) for name in NAMES.split(" ")}
LOSSES |= {"huber": huber(0.4), "pinball": losses.pinball(0.2)}
LOSSES |= {f"masked {name}": losses.masked_loss(LOSSES[name]) for name in ("huber", "hinge")}
NETS: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "small": (ACTS, squared_error, (3, 4, 2)),
    "deep": ((sigmoid, tanh, relu, identity), huber(0.3), (3, 5, 9, 17, 2)),
    "classes": ((activations.silu, identity), losses.softmax_cross_entropy, (3, 6, 3)),
    "own": ((SINE, sigmoid), QUARTIC, (3, 4, 2)),
    "large": ((relu, identity), squared_error, (60, 256, 10)),
}
OPTIMIZERS = {
    "sgd": sgd(0.1),
    "momentum": optimizers.momentum(0.05, 0.8),
    "nesterov": optimizers.nesterov(0.05, 0.8),
    "adagrad": optimizers.adagrad(0.1, 1e-3),
    "rmsprop": optimizers.rmsprop(0.01, 0.9, 1e-3),
    "adam": adam(0.02, 0.8, 0.95, 1e-3),
    "adamw": optimizers.adamw(schedules.cosine(0.02, 20), decay=0.1, mask=WEIGHTS),
    "nadam": optimizers.nadam(schedules.warm_up(3, 0.02), 0.8, 0.95),
    "rprop": optimizers.rprop(0.02, 0.4, 1.3, 1e-3, 0.1),
    "decayed": chain(optimizers.add_decayed_weights(0.1), optimizers.momentum(0.05)),
    "l1": chain(optimizers.add_l1(0.05, WEIGHTS), sgd(schedules.one_cycle(0.3, 20))),
    "by value": chain(optimizers.clip_by_value(0.01), sgd(schedules.exponential(0.1, 0.9))),
    "by norm": chain(optimizers.clip_by_norm(0.05), adam(schedules.piecewise((0.1, 0.01), (2,)))),
    "scaled": chain(optimizers.scale(-0.1), optimizers.scale(2.0)),
    "masked": masked(chain(optimizers.scale(2.0), adam(0.02)), (True, (False, True))),
    "masked twice": chain(masked(optimizers.nesterov(0.1), (True, False)), optimizers.rprop()),
}
CASES: dict[str, Callable[[], Any]] = {}


def case(label: str, f: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Add a call, under a label and the function's name."""
    name = f"{label} {getattr(f, '__name__', '')}".replace("<lambda>", "").strip()
    if name in CASES:
        raise SystemExit(f"{name}: expected a case's name to be its own, got it twice")
    CASES[name] = partial(f, *args, **options)


def cases(label: str, functions: Iterable[Callable[..., Any]], *args: Any) -> None:
    for f in functions:
        case(label, f, *args)


def wrong(f: Callable[..., Any], *calls: tuple[Any, ...]) -> None:
    """Add calls that raise."""
    for args in calls:
        made = sum(name.startswith("wrong ") for name in CASES)
        case(f"wrong {made}", f, *args)


def taken(n: int, f: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The first values of an iterator, which is closed then."""
    values = f(*args, **options)
    found = tuple(islice(values, n))
    if hasattr(values, "close"):
        values.close()
    return found


def last(f: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return taken(300, f, *args, **options)[-1]


def pair(act: Any, z: Any) -> Any:
    a = act.f(z)
    return a, act.df(z, a), act.d2f and act.d2f(z, a)


def loss_of(loss: Any, u: Any, y: Any) -> Any:
    v = np.linspace(-1, 1, u.size, dtype=u.dtype).reshape(u.shape)
    return loss.f(u, y), loss.df(u, y), loss.d2f and loss.d2f(u, y, v)


def functions() -> None:
    """Add pairs, initializers, random numbers, schedules and trees."""
    edges = [0.0, np.inf, np.nan, 5e-324, 1e-310, 1e-45, 1e-40, 1e-30, 1e-16, 1e-3, 20.0, 40.0]
    edges += [88.5, 104.0, 710.0, 745.0, 1e4, 1e30, 1e300]
    labels, wide = np.eye(4)[[0, 3, 1, 1, 2, 0]], np.linspace(-30, 30, 600)
    holes = np.where(drawn(6, 6, 4) > 0.7, np.nan, labels)
    cube = wide.reshape(3, 200, 1)[::-1, ::2]
    for kind in FLOATS:
        with np.errstate(over="ignore"):
            ends = np.array([*edges, *(-z for z in edges)]).astype(kind)
        for name, act in {**ACTIVATIONS, "dropped": activations.dropout(key(3), 0.3, tanh)}.items():
            for z in (ends, wide.astype(kind), cube.astype(kind)):
                case(f"{name} {z.dtype} {z.shape}", pair, act, z)
        for name, loss in LOSSES.items():
            y = (holes if "masked" in name else labels).astype(kind)
            case(f"{name} {y.dtype} of one", loss_of, loss, drawn(7, 4).astype(kind), y[1])
            for size in (0.5, 30.0, 1e4):
                u = (size * drawn(7, 6, 4)).astype(kind)
                case(f"{name} {size} {u.dtype}", loss_of, loss, u, y)
        name = kind.__name__
        cases(name, (losses.softmax, losses.log_softmax), 40 * drawn(8, 3, 4).astype(kind))
        case(name, losses.label_smoothing, 0.1, labels.astype(kind))
        scaled = "glorot_uniform glorot_normal he_uniform he_normal lecun_uniform lecun_normal"
        draws = [getattr(initializers, draw) for draw in (scaled + " orthogonal zeros").split(" ")]
        cases(name, draws, key(1), (5, 3), np.dtype(kind))
        for label in ("constant", "uniform", "normal"):
            draw = getattr(initializers, label)(0.3)
            case(f"{name} {label}", init, key(2), (3, 2, 1), draw, draw, kind)
        case(name, random.uniform, key(5), (3, 2), -2.0, 3.0, dtype=kind)
        case(name, random.normal, key(5), 5, 1.0, 0.3, dtype=kind)
        case(name, fnn.one_hot, [2, 0, 1], 3, kind)
    case("17", random.permutation, key(6), 17)
    case("keys", lambda: (key(2**100), random.split(key(7), 3), random.fold_in(key(7), 9)))
    case("deep", fnn.fold, random.fold_in, key(1), range(20))
    rates = [schedules.constant(0.1), schedules.exponential(0.1, 0.5, 7)]
    rates += [schedules.inverse_time(0.1, 0.3, 2), schedules.piecewise((0.3, 0.2, 0.1), (3, 11))]
    rates += [schedules.cosine(0.1, 30, 0.01), schedules.one_cycle(0.3, 35, 0.4, 10.0, 100.0)]
    for i, rate in enumerate([*rates, *(schedules.warm_up(5, rate, 0.001) for rate in rates)]):
        case(f"schedule {i}", lambda rate: [rate(step) for step in range(40)], rate)
    case("add", lambda: (tree.zeros_like(GRADS), tree.add(PARAMS, GRADS), tree.norm(GRADS)))
    case("scale", lambda: (tree.scale(0.3, NARROW), tree.norm((1e300, np.array([-1e300])))))
    case("params", tree.map, np.maximum, PARAMS, GRADS)
    case("tree", tree.freeze, (np.ones(3)[::2], 2, (np.eye(2),)))
    case("ravel", lambda: (tree.ravel(NARROW)[0], tree.ravel(PARAMS)[1](drawn(9, 26))))
    wrong(tree.map, (np.add, (1.0, (2.0,)), (1.0, 2.0)), (np.add, np.ones(2), np.ones(3)))
    wrong(tree.ravel, ((1.0,),), ((),), ((NARROW, PARAMS),))
    wrong(key, (-1,), (1.5,), (2**128,))
    wrong(random.uniform, (7, 3), (key(0), -1), (key(0), 3, 2.0, 1.0), (key(0), 3, 0.0, np.inf))
    wrong(init, (key(0), (3,)), (key(0), "abc"), (key(0), (3, 2), 0.1), (0, (3, 2)))
    wrong(initializers.he_normal, (key(0), (3,), np.dtype(float)))
    wrong(schedules.piecewise, ((0.1,), (3,)), ((0.1, 0.2, 0.3), (3, 2)), ((0.1, -1.0), (3,)))
    wrong(schedules.one_cycle, (0.1, 10, 0.05), (0.1, 10, 0.3, 0.5))
    wrong(activations.dropout, (key(0), 1.0, tanh), (0, 0.5, tanh), (key(0), 0.5, np.tanh))
    wrong(losses.masked_loss, (losses.softmax_cross_entropy,), (tanh,))
    wrong(losses.label_smoothing, (2.0, Y), (0.1, Y), (0.1, Y[:, 0]), (0.1, Y[:, :1]))
    wrong(huber, (-1.0,), ("a",))
    wrong(losses.pinball, (1.0,))
    wrong(fnn.one_hot, ([0, 3], 3), ([[0]], 3), ([0.5], 3), (["a"], 3))


def shaped(name: str, kind: Any = float64, n: int = 20, weight: bool = False) -> Any:
    """A network of `NETS` with data of its size: acts, loss, params and batch."""
    acts, loss, sizes = NETS[name]
    params = init(key(len(sizes)), sizes, b_init=initializers.normal(0.1), dtype=kind)
    x, y, given = rows(n, sizes[0], sizes[-1], weight)
    return acts, loss, params, Batch(x, y / y.sum(axis=1, keepdims=True), given)


def directly(optimizer: Any, kind: Any, sizes: tuple[int, ...] = (3, 4, 2)) -> Any:
    """Five updates by gradients that do not depend on the params."""
    params = init(key(1), sizes, dtype=kind)
    state, updates = optimizer.init(params), ()
    for i in range(5):
        parts = [(drawn(i, *w.shape), drawn(i + 1, *b.shape)) for w, b in params]
        grads = tuple(LayerGrad(w.astype(kind), b.astype(kind)) for w, b in parts)
        updates, state = optimizer.update(grads, state, params)
        params = fnn.apply_updates(params, updates)
    return updates, state, params


def order(i: int, size: int = 6) -> Any:
    return fnn.minibatches(random.fold_in(key(5), i), size, HEAVY)


def networks() -> None:
    """Add what both engines have: forward, backward, and a scan of steps."""
    both = [(engine, engine.__name__, kind) for engine in (fnn, compiled) for kind in FLOATS]
    for engine, title, kind in both:
        line = (Layer(np.eye(1, dtype=kind), np.zeros(1, kind)),)
        near = Batch(np.linspace(-20, 20, 81).reshape(-1, 1), np.zeros((81, 1)))
        for name, act in ACTIVATIONS.items():
            label = f"{title} {name} {kind.__name__}"
            case(label, engine.forward, (act,), line, near.x)
            case(label, engine.backprop, (act,), squared_error, line, near)
        unit = (Layer(np.eye(2, dtype=kind), np.zeros(2, kind)),)
        labels = Batch(4 * drawn(9, 7, 2), np.eye(2)[[0, 1, 1, 0, 1, 0, 0]])
        for name, loss in LOSSES.items():
            if kind is float64 or name in ("huber", "poisson"):  # others take long to compile
                label = f"{title} {name} {kind.__name__}"
                case(label, engine.backprop, (identity,), loss, unit, labels)
        for name in NETS:
            if name == "classes" and kind is float32:
                continue
            acts, loss, params, batch = shaped(name, kind)
            heavy = shaped(name, kind, weight=True)[3]
            label = f"{title} {name} {kind.__name__}"
            for what, x in {"2": batch.x[:2], "20": batch.x, "list": batch.x[2].tolist()}.items():
                case(f"{label} {what}", engine.forward, acts, params, x)
            several = {"rows": batch, "one": Batch(batch.x[2], batch.y[2]), "weights": heavy}
            for what, given in several.items():
                case(f"{label} {what}", engine.backprop, acts, loss, params, given)
            for what in ("sgd", "adam", "by norm"):
                update = fnn.train_step(acts, loss, OPTIMIZERS[what])
                state, passes = (
                    fnn.start(update.optimizer, params),
                    fnn.minibatches(key(1), 15, heavy),
                )
                case(f"{label} {what}", engine.scan, update, state, passes)
        for name, optimizer in OPTIMIZERS.items():
            update = fnn.train_step(ACTS, squared_error, optimizer)
            state = fnn.start(optimizer, init(key(0), (3, 4, 2), dtype=kind))
            for pass_ in (fnn.samples(DATA), order(0)):
                label = f"{title} {name} {kind.__name__} {len(pass_)}"
                case(label, engine.scan, update, state, pass_)
    for name, optimizer in OPTIMIZERS.items():
        acts, loss, params, batch = shaped("large")
        update = fnn.train_step(acts, loss, optimizer)
        case(f"large {name}", directly, optimizer, float64, NETS["large"][2])
        case(f"large {name}", fnn.scan, update, fnn.start(optimizer, params), [batch] * 5)
        for kind in FLOATS:
            case(f"{name} {kind.__name__}", directly, optimizer, kind)
    for name in NETS:
        acts, loss, params, batch = shaped(name, weight=True)
        case(name, fnn.trace, acts, params, batch.x[:3])
        case(name, network.mean_loss, acts, loss, params, batch)
        case(f"{name} pullback", lambda a, p, b: fnn.vjp(a, p, b.x)[1](b.y), acts, params, batch)
    case("params", fnn.step, PARAMS, GRADS, 0.3)
    case("params", fnn.apply_updates, PARAMS, GRADS)
    case("pickled", lambda: pickle.loads(pickle.dumps(UPDATE))(STATE, DATA))
    own = fnn.Optimizer(lambda p: 0, lambda g, s, p: (tree.scale(-0.1, g), s + 1))
    case("own optimizer", directly, chain(optimizers.clip_by_norm(0.1), own), float64)
    update = fnn.train_step(ACTS, squared_error, own)
    case("own optimizer", fnn.scan, update, fnn.start(own, PARAMS), [DATA] * 3)
    bad = [((tanh,), PARAMS, X), ([tanh, tanh], PARAMS, X), ((np.tanh, tanh), PARAMS, X)]
    bad += [(ACTS, GRADS, X), (ACTS, list(PARAMS), X), (ACTS, PARAMS, X.T), (ACTS, PARAMS, "x")]
    bad += [(ACTS, PARAMS[::-1], X), (ACTS, PARAMS, [[1, 2, 3], [1]]), (ACTS, PARAMS, None)]
    bad += [(ACTS, (PARAMS[0], NARROW[1]), X), (ACTS, PARAMS, np.ma.masked_equal(X, 0))]
    batches = [Batch(X, y) for y in (Y[:, 0], Y[:1], Y.T, Y.astype(str), Y[:0])] + [(X, Y)]
    batches += [Batch(X, Y, w) for w in (np.ones(3), -Y[:, 0], np.full(5, np.nan))]
    for engine in (fnn, compiled):
        wrong(engine.forward, *bad)
        wrong(engine.backprop, *[(ACTS, squared_error, PARAMS, batch) for batch in batches])
        wrong(engine.backprop, (ACTS, tanh, PARAMS, DATA), (ACTS, squared_error, GRADS, DATA))
    wrong(fnn.vjp(ACTS, PARAMS, X)[1], (Y[:3],))
    flat, short = (fnn.Activation(f, SINE.df) for f in (lambda z: z.sum(), lambda z: z[:1]))
    sums = fnn.Activation(np.sin, QUARTIC.f)
    wrong(fnn.forward, ((flat, tanh), PARAMS, X), ((short, tanh), PARAMS, X))
    odd: list[Any] = [((sums, tanh), squared_error), (ACTS, fnn.Loss(CLIFF.df, CLIFF.df))]
    odd += [(ACTS, fnn.Loss(CLIFF.f, CLIFF.f)), (ACTS, fnn.Loss(lambda u, y: 1.0, CLIFF.df))]
    wrong(fnn.backprop, *((*pairs, PARAMS, DATA) for pairs in odd))
    wrong(fnn.step, (PARAMS, GRADS[:1], 0.1), (GRADS, PARAMS, 0.1), (PARAMS, GRADS, -0.1))
    wrong(fnn.apply_updates, (PARAMS, X), (PARAMS, GRADS[::-1]))
    wrong(fnn.start, (0.1, PARAMS), (sgd(0.1), list(PARAMS)))
    wrong(fnn.train_step, (tanh, squared_error, sgd(0.1)), (ACTS, squared_error, 0.1))
    wrong(chain, (sgd(0.1), 0.1))
    wrong(masked, (sgd(0.1), [True]), (sgd(0.1), (1, 0)))
    wrong(sgd, (-0.1,), (np.nan,), ("a",))
    wrong(adam, (0.1, 1.0), (0.1, 0.9, 0.9, 0.0))
    wrong(optimizers.nesterov, (0.1, 0.0))
    wrong(optimizers.rprop, (0.01, 1.5), (100.0,))
    wrong(optimizers.clip_by_norm, (0.0,))
    wrong(optimizers.clip_by_value(1.0).update, (tree.scale(np.inf, GRADS), (), PARAMS))
    wrong(OPTIMIZERS["by norm"].update, (GRADS, 0, PARAMS), (GRADS, ((), 0), PARAMS))
    wrong(UPDATE, (PARAMS, DATA))
    wrong(masked(sgd(0.1), (True,)).init, (PARAMS,))
    climbing = fnn.train_step(ACTS, squared_error, sgd(lambda step: -step))
    wrong(fnn.scan, (climbing, STATE, [DATA] * 2))


def in_folder(f: Callable[..., Any], *args: Any) -> Any:
    """What is made of a path, in a folder of its own where files have plain names."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return f(Path("file"), *args)
        finally:
            os.chdir(before)


def table(path: Path, text: str, skip: int) -> Any:
    path.write_text(text)
    return tuple(data.csv_tables(path, 2, skip=skip, delimiter=";"))


def kept(path: Path, value: Any, like: Any, damage: int = 0) -> Any:
    """The file of a tree, and the tree that is read from it."""
    fnn.save(path, value)
    written = bytearray(path.read_bytes())
    written[damage] ^= bool(damage)
    path.write_bytes(written)
    return bytes(written), fnn.load(path, like)


def listed(f: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return tuple(f(*args, **options))


def files() -> None:
    """Add passes over data, splits, scaling and files."""
    zeroed = HEAVY._replace(weight=np.where(HEAVY.x[:, 0] > 0.8, 0, HEAVY.weight))
    case("samples", lambda: (tuple(fnn.samples(DATA)), fnn.samples(DATA)[1:3]))
    for size in (1, 6, 100):
        case(f"minibatches of {size}", listed, fnn.minibatches, key(1), size, zeroed)
        case(f"chunks of {size}", listed, data.chunked, size, HEAVY)
        sources: Any = data.chunked(7, zeroed), lambda: ((b.x, b.y) for b in data.chunked(7, HEAVY))
        for i, source in enumerate(sources):
            for seed in (None, key(3)):
                label = f"batches of {size} from {i} by {seed}"
                case(label, listed, data.batches_from, source, size, key=seed)
    labels = np.repeat([0, 1, 2], [11, 6, 3])
    for i, by in enumerate((None, labels, np.eye(3)[labels], list("aaabbbbbbbbbbbbbbbcc"))):
        case(f"{i}", data.split, key(1), 0.3, HEAVY, by)
    case("weights", data.balanced_weights, labels)
    case("letters", data.balanced_weights, list("abaaa"))
    wrong(data.split, (key(1), 1.0, DATA), (key(1), 0.05, DATA), (key(1), 0.5, DATA, [0, 1]))
    wrong(data.balanced_weights, ([],), ([1.0, np.nan],), ([1, None],))
    for kind in FLOATS:
        x = (drawn(11, 9, 3) * [1.0, 1e3, 0.0] + [1e6, 0.0, 5.0]).astype(kind)
        case(f"{x.dtype}", data.standardize, x)
        case(f"{x.dtype}", data.min_max, x, -1, 2)
    scaling = data.Scaling(np.array([1.0, -2.0, 0.5]), np.array([2.0, 0.1, 3.0]))
    narrow = data.Scaling(scaling.shift[:2], scaling.scale[:2])
    case("scaling", lambda: (scaling.apply(X), scaling.invert([1, 2, 3])))
    case("float64", data.absorb, PARAMS, inputs=scaling, outputs=narrow)
    case("float32", data.absorb, NARROW, inputs=scaling)
    wrong(data.standardize, ([],), ([[1.0, np.nan]],), ([1.0],), ([[1e308], [-1e308]],))
    wrong(data.min_max, ([[1.0]], 1.0, 1.0), ([[1.0]], 2.0, 1.0))
    wrong(scaling.apply, (Y,))
    wrong(data.Scaling(np.ones(1), np.zeros(1)).apply, ([1.0],))
    wrong(lambda wrong: data.absorb(PARAMS, inputs=wrong), (narrow,), (1.0,))
    case("weights", listed, fnn.samples, HEAVY)
    wrong(fnn.samples, (Batch(np.where(X > 0, X, np.nan), Y),), (Batch(X, Y[:2]),), (X,))
    wrong(fnn.minibatches, (0, 2, DATA), (key(0), 0, DATA), (key(0), 2, Batch(X, Y, -Y[:, 0])))
    wrong(data.batches_from, (iter([]), 2), (DATA, 2), ([], 0))
    sources = ([], lambda: 3, [(X, Y[:2])], [X], [DATA, (X[:, :2], Y)])
    wrong(lambda source: tuple(data.batches_from(source, 3)), *((source,) for source in sources))
    text = "a;b\n1;2\n\n3;\n5; 6e-3\n"
    case("csv", in_folder, table, text, 1)
    wrong(in_folder, (table, text, 0), (table, "1;2\n3\n", 0))
    values = (None, True, -7, 0.1, "text", key(3), float32(2.5), np.arange(3), ((),), NARROW)
    case("save", in_folder, kept, values, values)
    state = fnn.start(OPTIMIZERS["by norm"], PARAMS)
    case("save a state", in_folder, kept, state, state)
    bad: Any = [1], (1, {}), print, np.array(["a"]), np.array([1j], "G")
    wrong(in_folder, *((kept, value, value) for value in bad))
    likes: Any = STATE, (1, 2.0), (1, (2,)), (1,), (1, 2, 3), {}
    wrong(in_folder, *((kept, (1, 2), like) for like in likes))
    wrong(in_folder, *((kept, STATE, STATE, place) for place in (30, 100, 600)))
    wrong(fnn.load, ("no such file", STATE))


def fitted(**options: Any) -> Any:
    """A fit, with the last that `on_epoch` was told."""
    told: list[Any] = []
    usual: dict[str, Any] = {"key": key(1), "batch_size": 6, "max_epochs": 5, "train": HEAVY}
    usual |= {"acts": ACTS, "loss": squared_error, "optimizer": adam(0.02), "params": PARAMS}
    done = train.fit(**(usual | options), on_epoch=lambda *news: told.append(news))
    return done, told[-1:]


def distance(output: Any, target: Any) -> float:
    return float(np.abs(output - target).max())


def training() -> None:
    """Add fits and epochs, and what only the compiled engine has."""
    held = {"validation": rows(8), "metric": distance}
    steep = {"optimizer": optimizers.momentum(2.0), "max_epochs": 40, "patience": 2}
    noisy = {"training_acts": lambda k: (activations.dropout(k, 0.3, tanh), sigmoid)}
    wild = {"acts": (identity, identity), "optimizer": sgd(1e9)}
    clipped = chain(optimizers.clip_by_norm(1.0), sgd(0.5))
    line = (Layer(np.full((3, 2), 9.0), np.ones(2)),)
    failing: list[Any] = [((SINE, identity), QUARTIC, sgd(30.0), PARAMS)]
    failing += [((SINE, identity), CLIFF, clipped, PARAMS)]
    failing += [((identity,), squared_error, sgd(1e308), line)]
    for engine in (fnn, compiled):
        scan, title = engine.scan, engine.__name__
        variants = {"plain": {}, "held": held, "steep": held | steep}
        variants["float32"] = {"params": NARROW, "train": ROWS}
        for name, options in variants.items():
            case(f"{title} {name}", fitted, **options, engine=scan)
        run = partial(taken, 40, partial(train.epochs, engine=scan))
        case(f"{title} epochs", run, UPDATE, STATE, [fnn.samples(ROWS)] * 3)
        case(f"{title} epochs in order", run, UPDATE, STATE, list(map(order, range(5))))
        wrong(lambda engine: fitted(**wild, engine=engine), (scan,))
        far = {"acts": (identity, identity), "validation": Batch(1e200 * X, Y), "engine": scan}
        wrong(lambda options: fitted(**options), (far,))
        for acts, loss, optimizer, params in failing:
            update = fnn.train_step(acts, loss, optimizer)
            wrong(run, (update, fnn.start(optimizer, params), [order(0), order(1)] * 20))
        wrong(run, (UPDATE, STATE, [[]]))
    for acts, loss, optimizer, params in failing:
        update = fnn.train_step(acts, loss, optimizer)
        wrong(compiled.train, (update, fnn.start(optimizer, params), [order(0), order(1)] * 20))
    case("dropout", fitted, **noisy)
    bad: Any = noisy | {"engine": compiled.scan}, {"metric": distance}, {"patience": 0}, {"key": 1}
    bad += {"train": Batch(np.full((5, 3), np.inf), Y)}, {"validation": Batch(X, Y[:, :1])}
    wrong(lambda options: fitted(**options), *((options,) for options in bad))
    case("no epochs", fitted, max_epochs=0)
    run = partial(taken, 3, train.epochs)
    batches = repeat([Batch(np.ones(1), np.ones(1))])
    case("epochs of one's own", run, lambda state, batch: (state / 2, state), 8.0, batches)
    wrong(run, *((UPDATE, STATE, passes) for passes in (DATA, 3, [DATA], [iter([DATA])])))
    for name in NETS:
        acts, loss, params, batch = shaped(name, weight=True)
        update, pass_ = fnn.train_step(acts, loss, adam(0.01)), fnn.minibatches(key(1), 15, batch)
        case(name, compiled.train, update, fnn.start(update.optimizer, params), [pass_] * 5)
        many = [params, tree.scale(0.5, params), tree.scale(-1.0, params)]
        case(name, compiled.predict, acts, many, batch.x)
    update, passes = fnn.train_step(ACTS, squared_error, adam(0.05)), [order(i) for i in range(4)]
    new = partial(fnn.start, update.optimizer)
    states = compiled.ensemble(key(5), 3, lambda k: new(init(k, (3, 4, 2))))
    own = [[order(i + j) for i in range(4)] for j in range(3)]
    endless = map(order, range(900))
    case("ensemble", lambda: states)
    case("order", compiled.train, UPDATE, STATE, passes)
    case("target", lambda: compiled.train(update, states[0], endless, target=0.1))
    case("threads", compiled.train_many, update, states, passes, threads=2)
    case("own passes", compiled.train_many, [update] * 3, states, own, threads=2)
    wrong(compiled.train_many, (update, [], passes), (update, states, passes[0]))
    wider = (*states[:2], new(init(key(1), (3, 5, 2))))
    wrong(compiled.train_many, ([update], states, passes), (update, wider, passes))
    wrong(compiled.scan, (print, STATE, passes[0]), (UPDATE, STATE, [DATA]))
    wrong(compiled.train, (UPDATE, STATE, []), (UPDATE, STATE, passes[0]), (UPDATE, 1, passes))
    wrong(compiled.predict, (ACTS, [], X), (ACTS, [PARAMS, PARAMS[:1]], X))
    odd = fnn.Activation(lambda z: z * float(str(2)), SINE.df)
    dropped = activations.dropout(key(1), 0.5, tanh)
    wrong(compiled.forward, ((odd, tanh), PARAMS, X), ((dropped, tanh), PARAMS, X))


def fits() -> None:
    """Add derivatives, solvers, checks and pictures."""
    d = derivatives
    of_outputs = [d.jacobian, d.input_jacobian, d.input_hessian, d.laplacian]
    of_losses = [d.input_gradient, d.per_example_gradients, d.per_example_norms, d.hessian]
    of_losses += [d.diagonal_gauss_newton, d.kfac_factors]
    for name in ("small", "deep", "classes"):
        for kind in FLOATS:
            acts, loss, params, batch = shaped(name, kind, 6, weight=True)
            if name == "deep":
                params = (*params[:1], *init(key(8), (5, 4, 3, 2), dtype=kind))
            one = Batch(batch.x[0], batch.y[0])
            vector = tuple(LayerGrad(w, b) for w, b in tree.scale(0.7, params))
            for what, given in {"rows": batch, "one": one}.items():
                label, args = f"{name} {kind.__name__} {what}", (acts, loss, params, given)
                cases(label, of_outputs, acts, params, given.x)
                cases(label, of_losses, *args)
                cases(label, (d.hvp, d.gauss_newton_vp, d.fisher_vp), *args, vector)
                case(label, d.clipped_sum, *args, 0.05)
                case(label, d.jvp, acts, params, given.x, vector, given.x)
    wrong(d.laplacian, ((SINE, tanh), PARAMS, X), (ACTS, PARAMS, Y))
    wrong(d.hvp, (ACTS, QUARTIC, PARAMS, DATA, GRADS), (ACTS, huber(1), PARAMS, DATA, X))
    wrong(d.clipped_sum, (ACTS, squared_error, PARAMS, DATA, 0.0))
    acts, small, x = (tanh, identity), init(key(5), (1, 6, 1)), np.linspace(-1, 1, 40)[:, None]
    curve = Batch(x, np.sinc(3 * x) + 0.2 * drawn(3, 40, 1))
    heavy = curve._replace(weight=drawn(4, 40, low=0.1, high=1.0))
    levenberg, bayesian = solvers.levenberg_marquardt, solvers.bayesian_regularization
    variants: list[dict[str, Any]] = [{"goal": 0.02}, {"penalty": 1e-3, "chunk": 7}, {"mu": 10.0}]
    variants += [{"mask": (True, (False, True))}, {"validation": heavy, "max_fail": 2}]
    for i, options in enumerate(variants):
        case(f"levenberg {i}", taken, 15, levenberg, acts, small, curve, **options)
    ends: list[dict[str, Any]] = [{"goal": 0.1}, {"min_grad": 0.05}]
    ends += [{"validation": heavy, "max_fail": 1}, {"validation": rows(9, 1, 1), "max_fail": 1}]
    for i, options in enumerate(ends):
        case(f"levenberg ends {i}", lambda **o: last(levenberg, acts, small, curve, **o), **options)
    case("bayesian ends", last, bayesian, acts, small, curve, min_grad=0.01)
    for f in (solvers.scaled_conjugate_gradient, solvers.lbfgs):
        case(f"{f.__name__} ends", last, f, acts, squared_error, small, curve, min_grad=0.1)
    networks = {"plain": (small, curve), "weights": (small, heavy)}
    networks["float32"] = init(key(5), (1, 6, 1), dtype=float32), curve
    for label, (params, batch) in networks.items():
        args = acts, squared_error, params, batch
        n = 3 if label == "float32" else 15  # roundings grow: another machine's may be far apart
        case(f"{label} levenberg", taken, n, levenberg, acts, params, batch)
        case(f"{label} bayesian", taken, n, bayesian, acts, params, batch)
        case(f"{label} conjugate", taken, n, solvers.scaled_conjugate_gradient, *args)
        case(f"{label} lbfgs", taken, n, solvers.lbfgs, *args)
        case(label, solvers.leave_one_out, acts, params, batch, penalty=1e-3)
        state = taken(n, bayesian, acts, params, batch)[-1]
        known = solvers.posterior(acts, state, batch)
        case(label, solvers.predict_interval, acts, known, x[::4], level=0.8)
        case(f"{label} objective", lambda *a: (o := solvers.objective(*a)).fun(o.start), *args)
    missing = Batch(x, np.where(x > 0, x, np.nan))
    case("missing targets levenberg", taken, 5, levenberg, acts, small, missing)
    wrong(levenberg, (acts, small, x), (acts, small[:1], curve))
    wrong(partial(levenberg, mu=2.0, mu_max=1.0), (acts, small, curve))
    wrong(solvers.predict_interval, (acts, small, x))
    wrong(solvers.leave_one_out, (acts, small, Batch(x[:5], x[:5])))
    for name, act in ACTIVATIONS.items():
        case(name, testing.check_activation, act)
    for name in ("squared_error", "huber", "softmax_cross_entropy", "poisson"):
        case(name, testing.check_loss, LOSSES[name])
    for label, params in (("float64", PARAMS), ("float32", NARROW)):
        case(label, testing.check_gradients, ACTS, huber(0.3), params, HEAVY)
    bad = fnn.Activation(np.sin, lambda z, a: -np.cos(z))
    lone = fnn.Activation(lambda z: z.sum(), SINE.df)
    wrong(testing.check_activation, (bad,), (SINE._replace(d2f=SINE.df),), (lone,), (np.sin,))
    wrong(testing.check_loss, (fnn.Loss(QUARTIC.f, CLIFF.df),), (fnn.Loss(QUARTIC.df, CLIFF.df),))
    wrong(testing.check_loss, (huber(1.0), [[1.0]], [[1.0, 2.0]]))
    wrong(testing.check_gradients, ((bad, tanh), squared_error, PARAMS, DATA))
    pictures = {
        "history": (train.History((1.0, 0.5), (0.9, 0.7), ()),),
        "hidden_codes": (drawn(1, 4, 3, 2), [1, 2, 5, 9]),
        "weights": (PARAMS[0].w,),
        "decision_boundary": (lambda x: x[:, 0] - x[:, 1], Y, [0, 1, 1, 0, 1]),
        "confusion": ([0, 1, 1], [0, 1, 0]),
    }
    for name, args in pictures.items():
        case(name, lambda draw, *args: bool(draw(*args)), getattr(plot, f"plot_{name}"), *args)
    wrong(plot.plot_weights, (np.ones(3),))
    wrong(plot.plot_confusion, ([0, 1], [0]), ([0, -1], [0, 1]))
