"""The checkers accept what is right, catch what is wrong, and say where and by which numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from fnn import activations, init, losses, network, random, tree
from fnn.base import Activation, Acts, Array, Batch, Grads, Layer, LayerGrad, Loss, Params
from fnn.initializers import normal, zeros
from fnn.network import backprop, vjp
from fnn.testing import _checks, check_activation, check_gradients, check_loss

NUMBER = r"(-?(?:\d+\.?\d*(?:e[+-]?\d+)?|nan|inf))"


def numbers(message: str, check: Callable[[], None]) -> list[float]:
    """The numbers in a failing check's message where `message` has #; ... stands for any text."""
    with pytest.raises(AssertionError) as failure:
        check()
    found = re.match(
        re.escape(message).replace(r"\#", NUMBER).replace(r"\.\.\.", ".*?"), str(failure.value)
    )
    assert found, failure.value
    return [float(number) for number in found.groups()]


def logistic(z: Array) -> Array:
    """The logistic function by way of abs, where no complex step gets through."""
    e: Array = np.exp(-np.abs(z))
    a: Array = np.where(z >= 0, 1, e) / (1 + e)
    return a


def logistic_prime(z: Array, a: Array) -> Array:
    slope: Array = a * (1 - a)
    return slope


def tanh_prime(z: Array, a: Array) -> Array:
    slope: Array = 1 - a * a
    return slope


def relu(z: Array) -> Array:
    return np.maximum(z, 0)


def relu_prime(z: Array, a: Array) -> Array:
    return (z > 0).astype(z.dtype)


TANH = Activation(np.tanh, tanh_prime)
LOGISTIC = Activation(logistic, logistic_prime)
RELU = Activation(relu, relu_prime)
HARD = Activation(lambda z: np.clip(z, -1, 1), lambda z, a: (np.abs(z) < 1).astype(z.dtype))

ACTIVATIONS = {
    "identity": Activation(lambda z: z, lambda z, a: np.ones_like(z)),
    "tanh": TANH,
    "fast sine": Activation(lambda z: np.sin(500 * z), lambda z, a: 500 * np.cos(500 * z)),
    "exp": Activation(np.exp, lambda z, a: a),
    "cubic": Activation(lambda z: z**3 - 75 * z, lambda z, a: 3 * z * z - 75),
    "logistic": Activation(lambda z: 1 / (1 + np.exp(-z)), logistic_prime),
    "logistic by abs": LOGISTIC,
    "steep": Activation(lambda z: logistic(300 * z), lambda z, a: 300 * a * (1 - a)),
    "faint": Activation(lambda z: 1e-9 * logistic(z), lambda z, a: a * (1 - 1e9 * a)),
    "softplus": Activation(lambda z: np.logaddexp(z, 0), lambda z, a: logistic(z)),
    "softsign": Activation(lambda z: z / (1 + np.abs(z)), lambda z, a: (1 - np.abs(a)) ** 2),
    "bump": Activation(lambda z: np.exp(-((z / 0.02) ** 2)), lambda z, a: -5000 * z * a),
    "relu": RELU,
    "abs": Activation(np.abs, lambda z, a: np.sign(z)),
    "hat": Activation(
        lambda z: np.maximum(0, 1 - np.abs(z) / 0.03),
        lambda z, a: -np.sign(z) * (np.abs(z) < 0.03) / 0.03,
    ),
    "elu": Activation(
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z, a: np.exp(np.minimum(z, 0)),
    ),
    "hard": HARD,
    "step": Activation(np.sign, lambda z, a: np.zeros_like(z)),
}
BUILT_IN_ACTIVATIONS = {
    name: pair for name, pair in vars(activations).items() if isinstance(pair, Activation)
} | {"leaky_relu": activations.leaky_relu(0.1), "elu": activations.elu(0.5)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_right_activation_passes(name: str) -> None:
    check_activation(ACTIVATIONS[name])


@pytest.mark.parametrize("name", BUILT_IN_ACTIVATIONS)
def test_a_built_in_activation_passes(name: str) -> None:
    check_activation(BUILT_IN_ACTIVATIONS[name])


ACTIVATION_LIES: dict[str, Activation] = {
    "twice": TANH._replace(df=lambda z, a: 2 * (1 - a * a)),
    "sign": TANH._replace(df=lambda z, a: a * a - 1),
    "z for a": TANH._replace(df=lambda z, a: 1 - z * z),
    "another function's": TANH._replace(df=logistic_prime),
    "missing term": Activation(lambda z: z * np.exp(z), lambda z, a: np.exp(z)),
    "none": Activation(np.sin, lambda z, a: np.zeros_like(z)),
    "kink forgotten": RELU._replace(df=lambda z, a: np.ones_like(z)),
    "kink mirrored": RELU._replace(df=lambda z, a: relu_prime(-z, a)),
    "not a number": TANH._replace(df=lambda z, a: np.where(z > 25, np.nan, 1 - a * a)),
    "1e-6": TANH._replace(df=lambda z, a: (1 - a * a) * (1 + 1e-6)),
    "1e-11": TANH._replace(df=lambda z, a: (1 - a * a) * (1 + 1e-11)),
    "1e-9 by abs": LOGISTIC._replace(df=lambda z, a: a * (1 - a) * (1 + 1e-9)),
}


@pytest.mark.parametrize("name", ACTIVATION_LIES)
def test_a_wrong_derivative_is_shown_beside_the_right_one(name: str) -> None:
    lie = ACTIVATION_LIES[name]
    source = "difference quotient" if "abs" in name else "complex step"
    z, a, claim, slope = numbers(
        f"activation.df at z=# (a=#): df gives #, the {source} of f gives #",
        partial(check_activation, lie),
    )
    at = np.array([z])
    assert lie.f(at) == a
    np.testing.assert_array_equal(lie.df(at, lie.f(at)), [claim])
    rise = (lie.f(at + 1e-6) - lie.f(at - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, rise, rtol=1e-6, atol=1e-8)
    assert claim != slope


@pytest.mark.parametrize("name", ["tanh", "logistic by abs", "relu", "softsign", "steep"])
@pytest.mark.parametrize("beyond", [0.0, 5.0, 25.0])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_derivative_wrong_in_one_region_is_shown_there(
    name: str, beyond: float, side: int
) -> None:
    f, df = ACTIVATIONS[name][:2]
    lie = Activation(f, lambda z, a: df(z, a) + (0.001 * (side * z > beyond)).astype(z.dtype))
    (z,) = numbers("activation.df at z=#", partial(check_activation, lie))
    assert side * z > beyond


@pytest.mark.parametrize("ulps", range(0, 200, 7))
def test_a_point_at_a_kink_or_next_to_it_does_no_harm(ulps: int) -> None:
    """Also where the least step reaches over the kink: 200 ulps, and some steps further off."""
    near = np.array([ulps * 2.0**-52, ulps * 2.0**-30, ulps * 2.0**-22, ulps * 2.0**-17])
    points = np.concatenate((near, -near, 1 + near, near - 1, np.linspace(-3, 3, 40)))
    for pair in (RELU, HARD, ACTIVATIONS["abs"], ACTIVATIONS["elu"]):
        check_activation(pair, points)


def test_a_wrong_derivative_shows_right_beside_a_kink() -> None:
    lie = RELU._replace(df=lambda z, a: (z > 1e-4).astype(z.dtype))
    assert numbers(
        "activation.df at z=# (a=#): df gives #", partial(check_activation, lie, [9e-5, -9e-5])
    ) == [9e-5, 9e-5, 0.0]


def test_points_of_which_half_are_useless_are_refused() -> None:
    message = "activation.f: differences converge at # of # places only; choose others"
    log = Activation(np.log, lambda z, a: 1 / z)
    assert numbers(message, partial(check_activation, log)) == [100, 200]
    assert numbers(message, partial(check_activation, RELU, [0.0])) == [0, 1]
    check_activation(log, [0.1, 1.0, 30.0])
    check_activation(RELU, [0.0, 1.0, -1.0])


@pytest.mark.parametrize("far", [-30.0, 24.0, 26.0, 35.0, 700.0])
def test_points_may_be_far_from_where_a_function_lives(far: float) -> None:
    """Far out f is flat and a complex step proves nothing: it is tried at usual points first."""
    check_activation(LOGISTIC, [far])


def in_place(z: Array) -> Array:
    z *= 2
    return z


def derivative_in_place(z: Array, a: Array) -> Array:
    np.multiply(a, -a, out=a)
    a += 1
    return a


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (
            Activation(losses.softmax, logistic_prime),
            "activation.f: expected one number for each z, ",
        ),
        (TANH._replace(f=lambda z: z - z.mean()), "activation.f: expected one number for each z, "),
        (
            TANH._replace(f=lambda z: z - z.mean(0)),
            "activation.f: expected one number for each z, ",
        ),
        (TANH._replace(f=lambda z: z - z.ndim), "activation.f: expected one number for each z, "),
        (TANH._replace(f=lambda z: np.cumsum(z, -1)), "activation.f: expected one number for each"),
        (TANH._replace(f=lambda z: z.sum()), "activation.f: expected one number for each z, "),
        (TANH._replace(f=lambda z: z[:-1]), "activation.f: expected one number for each z, "),
        (
            TANH._replace(f=lambda z: z * np.arange(z.shape[-1])),
            "activation.f: expected one number",
        ),
        (
            TANH._replace(df=lambda z, a: np.ones(3)),
            "activation.df: expected one number for each z, ",
        ),
        (Activation(in_place, tanh_prime), "activation.f: expected its arguments unchanged"),
        (
            Activation(np.tanh, derivative_in_place),
            "activation.df: expected its arguments unchanged",
        ),
        (
            TANH._replace(f=lambda z: np.float64(1) * np.tanh(z)),
            "activation.f: expected float32 of float32 arguments, got float64; end it with",
        ),
        (
            RELU._replace(df=lambda z, a: z > 0),
            "activation.df: expected float64 of float64 arguments, got bool; end it with .astype(z",
        ),
        (
            RELU._replace(df=lambda z, a: (z > 0) * 1.0),
            "activation.df: expected float32 of float32 arguments, got float64; end it with",
        ),
        (
            RELU._replace(df=lambda z, a: (z > 0) * 2.0),
            "activation.df at z=",
        ),
    ],
)
def test_an_activation_that_breaks_a_rule_is_refused(lie: Activation, message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_activation(lie)


def test_what_depends_on_its_neighbors_is_shown_with_both_numbers() -> None:
    whole, alone = numbers(
        "activation.f: expected one number for each z, whatever the others are, got # in (200,)"
        " and # of the same in (1,)",
        partial(check_activation, Activation(losses.softmax, logistic_prime)),
    )
    assert whole < 1
    assert alone == 1


def square(u: Array, y: Array) -> Array:
    total: Array = ((u - y) ** 2).sum(-1)
    return total


def square_prime(u: Array, y: Array) -> Array:
    return 2 * (u - y)


def hinge(u: Array, y: Array) -> Array:
    assert np.isin(y, (-1, 1)).all()
    total: Array = np.maximum(1 - u * y, 0).sum(-1)
    return total


def counts(u: Array, y: Array) -> Array:
    assert (y == np.floor(y)).all()
    total: Array = (np.exp(u) - y * u).sum(-1)
    return total


SQUARE = Loss(square, square_prime)
ABSOLUTE = Loss(lambda u, y: np.abs(u - y).sum(-1), lambda u, y: np.sign(u - y))
HINGE = Loss(hinge, lambda u, y: np.where(u * y < 1, -y, 0))
COUNTS = Loss(counts, lambda u, y: np.exp(u) - y)
COUPLED = Loss(  # the outputs of a sample may well act together
    lambda u, y: np.log(np.exp(u - y).sum(-1)),
    lambda u, y: np.exp(u - y) / np.exp(u - y).sum(-1, keepdims=True),
)
LOSSES: dict[str, tuple[Loss, Any]] = {
    "square": (SQUARE, None),
    "absolute": (ABSOLUTE, None),
    "coupled": (COUPLED, None),
    "hinge": (HINGE, [1.0, -1.0]),
    "hinge, lists of rows": (HINGE, [[1, -1], [-1, -1], [-1, 1]]),
    "counts": (COUNTS, [[0, 1, 2, 30]]),
    "many targets": (SQUARE, np.arange(400.0).reshape(100, 4)),
    "one output": (SQUARE, [[3.0]]),
    "squared_error": (losses.squared_error, None),
    "absolute_error": (losses.absolute_error, None),
    "huber": (losses.huber(1.0), None),
    "pinball": (losses.pinball(0.8), None),
    "softmax_cross_entropy": (losses.softmax_cross_entropy, None),
    "sigmoid_cross_entropy": (losses.sigmoid_cross_entropy, None),
    "sigmoid_cross_entropy, labels": (losses.sigmoid_cross_entropy, [[0, 1, 1]]),
    "poisson": (losses.poisson, [[0, 1, 5]]),
    "built-in hinge": (losses.hinge, [[1, -1, 1]]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_loss_passes(name: str) -> None:
    loss, targets = LOSSES[name]
    for seed in range(5):
        check_loss(loss, targets, key=random.key(seed))


LOSS_LIES = {
    "off by n_outputs": SQUARE._replace(df=lambda u, y: 2 * (u - y) / u.shape[-1]),
    "mean of a sum's df": SQUARE._replace(f=lambda u, y: ((u - y) ** 2).mean(-1)),
    "half": SQUARE._replace(df=lambda u, y: u - y),
    "sign": SQUARE._replace(df=lambda u, y: 2 * (y - u)),
    "of nothing": SQUARE._replace(f=lambda u, y: 0 * u.sum(-1)),
    "by the target": COUPLED._replace(df=lambda u, y: -COUPLED.df(u, y)),
    "uncoupled": COUPLED._replace(df=lambda u, y: np.ones_like(u)),
    "one output forgotten": SQUARE._replace(df=lambda u, y: 2 * (u - y) * (np.arange(3) < 2)),
    "beyond 5": SQUARE._replace(df=lambda u, y: np.clip(2 * (u - y), -10, 10)),
    "kink forgotten": ABSOLUTE._replace(df=lambda u, y: np.ones_like(u)),
    "1e-11": SQUARE._replace(df=lambda u, y: 2 * (u - y) * (1 + 1e-11)),
    "1e-9 by abs": ABSOLUTE._replace(df=lambda u, y: np.sign(u - y) * (1 + 1e-9)),
}


@pytest.mark.parametrize("name", LOSS_LIES)
def test_a_wrong_loss_gradient_is_shown_beside_the_right_one(name: str) -> None:
    lie = LOSS_LIES[name]
    row = "[" + ", ".join("#" * 3) + "]"
    source = "difference quotient" if "abs" in name or "kink" in name else "complex step"
    column, *rest, claim, slope = numbers(
        f"loss.df[#] at output={row}, target={row}: df gives #, the {source} of f gives #",
        partial(check_loss, lie),
    )
    k, u, y, unit = int(column), np.array(rest[:3]), np.array(rest[3:]), np.eye(3)[int(column)]
    assert lie.df(u, y)[k] == pytest.approx(claim, rel=1e-15)
    rise = (lie.f(u + 1e-6 * unit, y) - lie.f(u - 1e-6 * unit, y)) / 2e-6
    assert slope == pytest.approx(float(rise), rel=1e-6, abs=1e-8)
    assert claim != slope


def loss_in_place(u: Array, y: Array) -> Array:
    u -= y
    total: Array = (u * u).sum(-1)
    return total


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (
            SQUARE._replace(f=lambda u, y: ((u - y) ** 2).sum()),
            "loss.f: expected one number for each",
        ),
        (
            SQUARE._replace(f=lambda u, y: (u - y) ** 2),
            "loss.f: expected one number for each sample",
        ),
        (
            SQUARE._replace(f=lambda u, y: ((u - y) ** 2).sum(-1).squeeze()),
            "so (1,); got () of (1, 3)",
        ),
        (
            SQUARE._replace(f=lambda u, y: square(u, y) / u.size),
            "loss.f: expected one number for each",
        ),
        (
            SQUARE._replace(df=lambda u, y: 2 * (u - y) / len(u)),
            "loss.df: expected one number for each",
        ),
        (
            SQUARE._replace(df=lambda u, y: (u - y) * u.ndim),
            "loss.df: expected one number for each",
        ),
        (SQUARE._replace(df=square), "loss.df: expected one number for each output"),
        (
            SQUARE._replace(df=lambda u, y: (u - y) * np.float64(2)),
            "loss.df: expected float32 of float32 arguments, got float64; end it with .astype(out",
        ),
        (SQUARE._replace(f=loss_in_place), "loss.f: expected its arguments unchanged"),
        (SQUARE._replace(df=loss_in_place), "loss.df: expected its arguments unchanged"),
    ],
)
def test_a_loss_that_breaks_a_rule_is_refused(lie: Loss, message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_loss(lie)


def test_outputs_and_targets_may_be_chosen() -> None:
    lie = SQUARE._replace(df=lambda u, y: square_prime(u, y) + (u > 100))
    check_loss(lie)
    place = numbers(
        "loss.df[#] at output=[#, #], target=[#, #]: df gives #, the complex step of f gives #",
        partial(check_loss, lie, [[1, 2], [3, 4]], [[5, 6], [7, 101]]),
    )
    assert place == [1, 7, 101, 3, 4, 195, 194]
    check_loss(ABSOLUTE, [0.0, 0.0, 0.0], [0.0, 1.0, -1.0])  # one of three at the kink
    check_loss(SQUARE, outputs=[[5.0, 6.0, 7.0, 8.0]])
    with pytest.raises(
        ValueError, match=r"outputs: expected \(1, 2\) like the targets, got \(1, 3\)"
    ):
        check_loss(SQUARE, [[1, 2]], [[1, 2, 3]])
    assert numbers(
        "loss.f: differences converge at # of # places only",
        partial(check_loss, ABSOLUTE, [[1, 2]], [[1, 3]]),
    ) == [1, 2]


def test_what_is_no_pair_or_no_number_is_a_type_error() -> None:
    loss: Any = SQUARE
    pair: Any = TANH
    with pytest.raises(TypeError, match="expected an Activation"):
        check_activation(loss)
    with pytest.raises(TypeError, match="expected a Loss"):
        check_loss(pair)
    with pytest.raises(TypeError, match="points: expected real numbers"):
        check_activation(TANH, ["a"])
    with pytest.raises(TypeError, match="targets: expected real numbers"):
        check_loss(SQUARE, [[1j]])


def case(seed: int, acts: Acts, rows: int | None, weighted: bool = False) -> tuple[Params, Batch]:
    """Params and a batch for a network 3-4-...-4-2."""
    keys = random.split(random.key(seed), 4)
    params = init(keys[0], (3, *(4,) * (len(acts) - 1), 2), normal(0.7), normal(0.3))
    leading = () if rows is None else (rows,)
    x, y = random.normal(keys[1], (*leading, 3)), random.normal(keys[2], (*leading, 2))
    return params, Batch(x, y, random.uniform(keys[3], leading, 0.1) if weighted else None)


@pytest.mark.parametrize("rows", [None, 1, 5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.longdouble])
def test_right_gradients_pass(rows: int | None, weighted: bool, dtype: type[np.floating]) -> None:
    acts = (TANH, LOGISTIC, ACTIVATIONS["softplus"])
    params, batch = case(1, acts, rows, weighted)
    own = tuple(Layer(w.astype(dtype), b.astype(dtype)) for w, b in params)
    for loss in (SQUARE, COUPLED):
        check_gradients(acts, loss, own, batch)


@pytest.mark.parametrize("seed", range(200))
def test_kinks_raise_no_false_alarm(seed: int) -> None:
    """Up to three layers of kinked units and a kinked loss: some kink is always in reach."""
    names = ("relu", "hard", "abs", "logistic by abs", "hat")
    acts = tuple(ACTIVATIONS[names[(seed // 5**i) % 5]] for i in range(1 + seed % 3))
    params, batch = case(seed, acts, (None, 1, 9)[seed % 7 % 3], weighted=seed % 2 == 0)
    check_gradients(
        acts, (ABSOLUTE, losses.huber(0.5), losses.pinball(0.3))[seed % 3], params, batch
    )


def test_a_network_that_starts_on_its_kinks_is_looked_at_nearby() -> None:
    """XOR with biases of 0: all hidden units of the first sample are at the kink of relu."""
    acts = (RELU, ACTIVATIONS["identity"])
    xor = Batch(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]]))
    params = init(random.key(0), (2, 3, 1), b_init=zeros)
    check_gradients(acts, SQUARE, params, xor)
    lie = (RELU._replace(df=lambda z, a: relu_prime(z, a) * (1 + 1e-6)), acts[1])
    numbers("params[0]...: backprop", partial(check_gradients, lie, SQUARE, params, xor))


@pytest.mark.parametrize("scale", [1e-3, 30.0])
def test_saturated_and_vanishing_networks_raise_no_false_alarm(scale: float) -> None:
    for seed in range(20):
        acts = (LOGISTIC, TANH, ACTIVATIONS["logistic"])
        params, batch = case(seed, acts, 5)
        check_gradients(acts, SQUARE, params, batch._replace(x=batch.x * scale))


def test_a_network_may_be_far_from_where_its_functions_live() -> None:
    layer = Layer(np.zeros((1, 1)), np.array([25.0]))
    check_gradients((LOGISTIC,), SQUARE, (layer,), Batch(np.ones((1, 1)), np.zeros((1, 1))))


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("rows", [None, 4])
def test_a_wrong_activation_in_any_layer_is_noticed(layer: int, rows: int | None) -> None:
    acts = (TANH, LOGISTIC, ACTIVATIONS["softplus"])
    params, batch = case(2, acts, rows)
    f, df = acts[layer][:2]
    lie = Activation(f, lambda z, a: df(z, a) * (1 + 1e-6))
    index, claim, slope = numbers(
        "params[#]...: backprop in float64 gives #, the difference quotient of the loss gives #",
        partial(check_gradients, (*acts[:layer], lie, *acts[layer + 1 :]), SQUARE, params, batch),
    )
    assert index <= layer
    assert claim / slope - 1 == pytest.approx(1e-6, rel=0.01)


def test_a_wrong_loss_gradient_is_noticed() -> None:
    params, batch = case(3, (TANH, TANH), 4)
    for name, lie in LOSS_LIES.items():
        if name not in ("one output forgotten", "beyond 5"):  # which have no say in this network
            with pytest.raises(AssertionError, match="backprop in float64 gives"):
                check_gradients((TANH, TANH), lie, params, batch)


def altered(change: Callable[[Array], Array], layer: int, part: str) -> Callable[..., Any]:
    """Backprop with a change made to one array of its gradients."""

    def wrong(*args: Any) -> tuple[float, Grads]:
        value, grads = backprop(*args)
        one = grads[layer]._replace(**{part: change(getattr(grads[layer], part))})
        return value, (*grads[:layer], one, *grads[layer + 1 :])

    return wrong


@pytest.mark.parametrize(("layer", "part", "entry"), [(0, "w", 7), (0, "b", 0), (1, "w", 5)])
@pytest.mark.parametrize("rows", [None, 6])
def test_the_wrong_entry_is_named(
    layer: int, part: str, entry: int, rows: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, batch = case(4, (TANH, TANH), rows)

    def change(array: Array) -> Array:
        error: Array = 1e-9 * (np.arange(array.size) == entry).reshape(array.shape)
        return np.add(array, error)

    _, grads = backprop((TANH, TANH), SQUARE, params, batch)
    array: Array = getattr(grads[layer], part)
    spot = np.unravel_index(entry, array.shape)
    monkeypatch.setattr(_checks, "backprop", altered(change, layer, part))
    *place, claim, slope = numbers(
        f"params[#].{part}[{', '.join('#' * len(spot))}]: backprop in float64 gives #,"
        " the complex step of the loss gives #",
        partial(check_gradients, (TANH, TANH), SQUARE, params, batch),
    )
    assert place == [layer, *spot]
    assert claim == change(array)[spot]
    assert slope == pytest.approx(array[spot], rel=1e-13)


def test_a_wrong_bias_is_named_and_a_wrong_input_gradient_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    params, batch = case(5, (TANH, LOGISTIC), 3)

    def wrong(*args: Any) -> Any:
        output, pullback = vjp(*args)
        return output, lambda bar: (None, pullback(bar)[1] * (1 + 1e-6 * np.eye(3)[1]))

    monkeypatch.setattr(_checks, "vjp", wrong)
    row, column, claim, slope = numbers(
        "batch.x[#, #]: backprop in float64 gives #, the difference quotient of the loss gives #",
        partial(check_gradients, (TANH, LOGISTIC), SQUARE, params, batch),
    )
    assert column == 1
    assert claim / slope == pytest.approx(1 + 1e-6, rel=1e-8)
    assert row in range(3)


def mean_for_sum(a: Array, delta: Array) -> LayerGrad[Any]:
    return LayerGrad(a.T @ delta, delta.mean(0))


def transposed(a: Array, delta: Array) -> LayerGrad[Any]:
    w = a.T @ delta
    return LayerGrad(w.T if w.shape[0] == w.shape[1] else w, delta.sum(0))


@pytest.mark.parametrize("wrong", [mean_for_sum, transposed])
def test_a_wrong_layer_gradient_inside_backprop_is_noticed(
    wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = (TANH, TANH, TANH)
    params, batch = case(6, acts, 4)
    monkeypatch.setattr(network, "_layer_grad", wrong)
    with pytest.raises(
        AssertionError, match=r"params\[\d\]\.[wb]\[.*\]: backprop in float64 gives"
    ):
        check_gradients(acts, SQUARE, params, batch)


def forgetting(layer: int) -> Callable[..., Any]:
    """The backward pass without the factor f' of a layer."""
    backward = network._backward

    def wrong(acts: Acts, *rest: Any) -> Any:
        linear = acts[layer]._replace(df=lambda z, a: np.ones_like(z))
        return backward((*acts[:layer], linear, *acts[layer + 1 :]), *rest)

    return wrong


@pytest.mark.parametrize("layer", range(3))
def test_a_backward_pass_that_forgets_a_factor_is_noticed(
    layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = (TANH, LOGISTIC, TANH)
    params, batch = case(7, acts, 4)
    monkeypatch.setattr(network, "_backward", forgetting(layer))
    (index,) = numbers("params[#].", partial(check_gradients, acts, SQUARE, params, batch))
    assert index <= layer


def test_a_mean_that_forgets_the_weights_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    params, batch = case(8, (TANH,), 4, weighted=True)

    def unweighted(acts: Acts, loss: Loss, params: Params, batch: Batch) -> Any:
        value, _ = backprop(acts, loss, params, batch)
        return value, backprop(acts, loss, params, batch._replace(weight=None))[1]

    monkeypatch.setattr(_checks, "backprop", unweighted)
    numbers("params[0]...:", partial(check_gradients, (TANH,), SQUARE, params, batch))
    check_gradients((TANH,), SQUARE, params, batch._replace(weight=None))


def test_a_wrong_plain_mean_is_noticed_where_there_are_no_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    params, batch = case(8, (TANH,), 4)

    def summed(acts: Acts, loss: Loss, params: Params, batch: Batch) -> Any:
        value, grads = backprop(acts, loss, params, batch)
        return value, grads if batch.weight is not None else tree.scale(4.0, grads)

    monkeypatch.setattr(_checks, "backprop", summed)
    check_gradients((TANH,), SQUARE, params, batch._replace(weight=np.ones(4)))
    numbers("params[0]...:", partial(check_gradients, (TANH,), SQUARE, params, batch))


def test_a_wrong_value_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    params, batch = case(9, (TANH,), 4)
    value, grads = backprop((TANH,), SQUARE, params, batch)
    monkeypatch.setattr(_checks, "backprop", lambda *args: (4 * value, grads))
    claim, by_hand = numbers(
        "backprop in float64 gives #, a forward pass #",
        partial(check_gradients, (TANH,), SQUARE, params, batch),
    )
    assert claim == 4 * value
    assert by_hand == pytest.approx(value, rel=1e-14)


def test_what_is_wrong_in_float32_alone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    params, batch = case(10, (TANH, TANH), 4)
    narrow = tuple(Layer(w.astype(np.float32), b.astype(np.float32)) for w, b in params)
    wrong = altered(lambda b: b * (1.01 if b.dtype == np.float32 else 1), 0, "b")
    monkeypatch.setattr(_checks, "backprop", wrong)
    check_gradients((TANH, TANH), SQUARE, params, batch)
    _, claim, slope = numbers(
        "params[0].b[#]: backprop in float32 gives #, the complex step of the loss gives #",
        partial(check_gradients, (TANH, TANH), SQUARE, narrow, batch),
    )
    assert claim / slope == pytest.approx(1.01, rel=1e-4)


def test_float32_params_are_checked_as_sharply() -> None:
    params, batch = case(10, (TANH, TANH), 4)
    narrow = tuple(Layer(w.astype(np.float32), b.astype(np.float32)) for w, b in params)
    lie = TANH._replace(df=lambda z, a: (1 - a * a) * (1 + 1e-9))
    numbers(
        "params[0]...: backprop in float64 gives #",
        partial(check_gradients, (lie, TANH), SQUARE, narrow, batch),
    )


def test_a_loss_without_slopes_is_refused() -> None:
    """A coin for every output: no difference of it converges."""
    noise = Loss(lambda u, y: np.modf(1e9 * u.sum(-1))[0], lambda u, y: np.full_like(u, 1e9))
    params, batch = case(11, (TANH,), 4)
    with pytest.raises(AssertionError, match="loss: differences do not converge in one of the"):
        check_gradients((TANH,), noise, params, batch)


def test_the_key_decides_the_directions() -> None:
    seen: list[bytes] = []

    def f(z: Array) -> Array:
        seen.append(z.tobytes())
        return np.tanh(z)

    acts = (TANH._replace(f=f),)
    params, batch = case(12, acts, 4)
    runs = []
    for seed in (0, 0, 1):
        seen.clear()
        check_gradients(acts, SQUARE, params, batch, random.key(seed))
        runs.append(tuple(seen))
    assert runs[0] == runs[1] != runs[2]


def test_data_that_do_not_fit_are_refused_as_backprop_does() -> None:
    params, batch = case(13, (TANH,), 4)
    with pytest.raises(ValueError, match=r"batch\.y: expected \(4, 2\)"):
        check_gradients((TANH,), SQUARE, params, batch._replace(y=batch.y[:, :1]))
    with pytest.raises(ValueError, match="acts: expected 1 pair"):
        check_gradients((TANH, TANH), SQUARE, params, batch)
    check_gradients((TANH,), SQUARE, params, Batch(batch.x.tolist(), batch.y.tolist()))
