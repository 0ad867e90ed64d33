"""PyTorch, eager: each optimizer as it is fastest on these sizes, gradients set to None.

Adam is, fused; SGD is not: there its plain loop was faster by a tenth to a third.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.by_numpy import joined
from benchmarks.contender import Contender, UnfitError
from benchmarks.tasks import B1, B2, EPS, MASS, MAX_NORM, Derivative, Inference, Network, Training


def torch_module() -> Any:
    torch = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return torch


def tensor(torch: Any, array: Any) -> Any:
    return torch.from_numpy(np.array(array))  # a copy: tensors cannot be read-only


def module(torch: Any, net: Network) -> Any:
    layers = []
    for name, (w, b) in zip(net.names, net.params(), strict=True):
        layer = torch.nn.Linear(*w.shape, dtype=getattr(torch, net.dtype))
        layer.weight.data, layer.bias.data = tensor(torch, w.T), tensor(torch, b)
        layers.append(layer)
        if name != "identity":
            layers.append({"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}[name]())
    return torch.nn.Sequential(*layers)


def training(task: Training) -> Contender:
    torch = torch_module()
    net, data = module(torch, task.net), task.data()
    x, y = tensor(torch, data.x), tensor(torch, data.y)
    rules: dict[str, tuple[Any, dict[str, Any]]] = {
        "sgd": (torch.optim.SGD, {}),
        "momentum": (torch.optim.SGD, {"momentum": MASS}),
        "adam": (torch.optim.Adam, {"betas": (B1, B2), "eps": EPS, "fused": True}),
    }
    make, options = rules[task.optimizer]
    optimizer = make(net.parameters(), lr=task.rate, **options)
    squared, share = torch.nn.functional.mse_loss, task.batch or 1

    def step(x: Any, y: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        (squared(net(x), y, reduction="sum") / share).backward()
        optimizer.step()

    def online() -> None:
        for _ in range(task.passes):
            for row, target in zip(x, y, strict=True):
                step(row, target)

    return Contender(
        online if task.batch is None else lambda: step(x, y),
        lambda: task.moved([p.detach().numpy().T for p in net.parameters()]),
    )


def inference(task: Inference) -> Contender:
    """Neither modules nor a context manager a call, which cost more than a small net."""
    torch = torch_module()
    acts = functions(torch, task.net)
    with torch.inference_mode():
        layers = [(tensor(torch, w), tensor(torch, b)) for w, b in task.net.params()]
        rows = tensor(torch, task.net.inputs(task.rows))

    def call() -> Any:
        x = rows
        for act, (w, b) in zip(acts, layers, strict=True):
            x = act(torch.addmm(b, x, w))
        return x

    return Contender(call, lambda: joined(call().numpy()))


def functions(torch: Any, net: Network) -> list[Callable[[Any], Any]]:
    pairs = {"identity": lambda z: z, "relu": torch.relu, "sigmoid": torch.sigmoid}
    return [pairs[name] for name in net.names]


def derivative(task: Derivative) -> Contender:
    torch = torch_module()
    func, data = importlib.import_module("torch.func"), task.data()
    acts, linear = functions(torch, task.net), torch.nn.functional.linear
    x, y = tensor(torch, data.x), tensor(torch, data.y)
    params, vector = (
        [(tensor(torch, w.T), tensor(torch, b)) for w, b in layers]
        for layers in (task.net.params(), task.vector())
    )

    def loss(params: Any, x: Any, y: Any) -> Any:
        for act, (w, b) in zip(acts, params, strict=True):
            x = act(linear(x, w, b))
        return (x - y).square().sum(-1).mean()

    gradient = func.grad(loss)

    def norm(grads: Any) -> Any:
        squares = [torch.linalg.vector_norm(g).square() for layer in grads for g in layer]
        return sum(squares).sqrt()

    def clipped() -> Any:
        grads = each(gradient)
        factors = (MAX_NORM / func.vmap(norm)(grads)).clamp(max=1.0)
        return [tuple(torch.tensordot(factors, g, 1) for g in layer) for layer in grads]

    def each(function: Any) -> Any:
        return func.vmap(function, (None, 0, 0))(params, x, y)

    kinds: dict[str, Callable[[], Any]] = {
        "per_example_gradients": lambda: each(gradient),
        "per_example_norms": lambda: each(lambda *sample: norm(gradient(*sample))),
        "clipped_sum": clipped,
        "hvp": lambda: func.jvp(lambda p: gradient(p, x, y), (params,), (vector,))[1],
    }
    if task.kind not in kinds:
        raise UnfitError("not written for it")
    call = kinds[task.kind]

    def read() -> Any:
        result = call()
        if task.kind == "per_example_norms":
            return joined(result.numpy())
        return joined([(w.transpose(-1, -2).numpy(), b.numpy()) for w, b in result])

    return Contender(call, read)
