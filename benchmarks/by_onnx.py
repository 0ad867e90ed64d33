"""onnxruntime: a graph made by the package onnx, run on as many threads as are pinned."""

from __future__ import annotations

import importlib
import os

import numpy as np

from benchmarks.by_numpy import joined
from benchmarks.contender import Contender
from benchmarks.tasks import Inference


def inference(task: Inference) -> Contender:
    onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    helper, nodes, constants, name = onnx.helper, [], [], "x"
    for i, (pair, (w, b)) in enumerate(zip(task.net.names, task.net.params(), strict=True)):
        constants += [
            onnx.numpy_helper.from_array(np.array(array), f"{letter}{i}")
            for letter, array in (("w", w), ("b", b))
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"]))
        name = f"z{i}"
        if pair != "identity":
            nodes.append(
                helper.make_node({"relu": "Relu", "sigmoid": "Sigmoid"}[pair], [name], [f"a{i}"])
            )
            name = f"a{i}"
    ends = [
        helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [task.rows, n])
        for end, n in (("x", task.net.sizes[0]), (name, task.net.sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    session = runtime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {"x": np.array(task.net.inputs(task.rows))}
    return Contender(lambda: session.run(None, feed), lambda: joined(session.run(None, feed)[0]))
