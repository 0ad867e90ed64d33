"""The cases that are measured, and who takes part in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks import (
    by_compiled,
    by_fann,
    by_genann,
    by_jax,
    by_numpy,
    by_onnx,
    by_sgemm,
    by_sklearn,
    by_thinc,
    by_torch,
    job,
    startup,
)
from benchmarks.contender import Contender, Maker, Task
from benchmarks.tasks import Derivative, Inference, Network, Training


class Case(NamedTuple):
    """A task with its place in the report, and the contenders that are asked."""

    workload: str
    table: str
    column: str
    task: Task
    makers: Mapping[str, Maker]
    turns: int = 15
    seconds: float = 0.03


TRAINERS: dict[str, Maker] = {
    "fnn (NumPy)": by_numpy.training,
    "fnn (compiled)": by_compiled.training,
    "JAX": by_jax.training,
    "PyTorch": by_torch.training,
    "scikit-learn": by_sklearn.training,
    "thinc": by_thinc.training,
}
WHOLE_EPOCHS: dict[str, Maker] = {  # in one call each
    "fnn (compiled)": by_compiled.training,
    "fnn (compiled, own pair)": by_compiled.training_own_pair,
    "JAX": by_jax.training,
    "JAX (unrolled)": by_jax.unrolled,
    "FANN": by_fann.training,
    "genann": by_genann.training,
}
WIDE = {name: TRAINERS[name] for name in ("fnn (NumPy)", "fnn (compiled)", "JAX", "PyTorch")}
PREDICTORS: dict[str, Maker] = {
    "fnn (NumPy)": by_numpy.inference,
    "fnn (compiled)": by_compiled.inference,
    "JAX": by_jax.inference,
    "PyTorch": by_torch.inference,
    "onnxruntime": by_onnx.inference,
    "scikit-learn": by_sklearn.inference,
    "thinc": by_thinc.inference,
}
DERIVATIVES: dict[str, Maker] = {
    "fnn (NumPy)": by_numpy.derivative,
    "fnn (NumPy), a gradient": by_numpy.gradient,
    "JAX": by_jax.derivative,
    "PyTorch": by_torch.derivative,
}


def longer(maker: Maker, passes: int) -> Maker:
    """Milliseconds a call, so that calling does not show, where others take as long for a pass."""

    def made(task: Training) -> Contender:
        task = task._replace(passes=passes)
        return maker(task)._replace(like=task, calls=1 / task.updates)

    return made


MINIBATCH = TRAINERS | {
    "fnn (compiled)": longer(by_compiled.training, 64),  # a small epoch
    "JAX (8 steps a call)": by_jax.scanned,
}


def online() -> Iterator[Case]:
    table = "One sample at a time, sigmoid, float64, SGD"
    for sizes, rows, rate, more in (
        ((8, 3, 8), 8, 2**-7, 2048),  # FANN keeps a rate as float32
        ((64, 32, 10), 128, 2**-4, 20),
        ((784, 64, 10), 64, 2**-6, 8),
    ):
        net = Network(sizes, "sigmoid", "sigmoid", "float64")
        fast = {name: longer(maker, more) for name, maker in WHOLE_EPOCHS.items()}
        yield Case("online", table, net.title, Training(net, rows, rate=rate), TRAINERS | fast)


def minibatch() -> Iterator[Case]:
    shapes = [((784, 128, 10), rows) for rows in (32, 128, 512)] + [((784, 512, 512, 10), 128)]
    for dtype in ("float32", "float64"):
        for optimizer in ("SGD", "Adam", "momentum"):
            for sizes, rows in shapes:
                if optimizer == "momentum" and (dtype == "float64" or len(sizes) == 3):
                    continue
                net = Network(sizes, "relu", "identity", dtype)
                yield Case(
                    "minibatch",
                    f"A minibatch a step, relu, {dtype}, {optimizer}",
                    f"{net.title}, {rows} rows",
                    Training(net, rows, rows, optimizer.lower()),
                    MINIBATCH,
                    turns=11,
                )


def wide() -> Iterator[Case]:
    net = Network((1024, 4096, 4096, 1024), "relu", "identity", "float32")
    task = Training(net, 1024, 1024, rate=1e-6)
    table = "A net that is bound by its products, relu, float32, SGD"
    makers = WIDE | {"sgemm": by_sgemm.training}
    yield Case("wide", table, f"{net.title}, 1024 rows", task, makers, turns=5)


def inference() -> Iterator[Case]:
    net = Network((64, 32, 10), "relu", "identity", "float32")
    for rows, column in ((1, "one row"), (1000, "1,000 rows")):
        table = f"Inference, {net.title}, relu, float32"
        yield Case("inference", table, column, Inference(net, rows), PREDICTORS)


def derivatives() -> Iterator[Case]:
    net = Network((784, 128, 10), "relu", "identity", "float32")
    for kind in (
        "per_example_gradients",
        "per_example_norms",
        "clipped_sum",
        "hvp",
        "gauss_newton_vp",
    ):
        table = f"Derivatives, {net.title}, 128 rows, relu, float32"
        yield Case(
            "derivatives", table, kind.replace("_", " "), Derivative(net, 128, kind), DERIVATIVES
        )


CASES = {
    "online": online,
    "minibatch": minibatch,
    "wide": wide,
    "inference": inference,
    "derivatives": derivatives,
}
PROCESSES = {"startup": startup.measure, "job": job.measure}
"""Those that start processes of their own, and time these."""

THREADS = {"minibatch": (1, 2), "wide": (1, 2)}
"""Those not named here are measured on one thread."""
