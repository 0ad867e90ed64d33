"""The 8-3-8 autoencoder: squeeze eight one-hot rows through three hidden units, and back.

Rumelhart, Hinton and Williams (1986) asked whether backpropagation finds a binary code by itself.
One sample at a time, w += mu * a * d with mu = 1: that is rate 0.5 with the exact derivative of
the squared distance. Options choose another activation for each layer, and minibatches (the
changes of whose samples are summed, so that mu keeps its meaning):

    python examples/autoencoder.py --hidden tanh --batch 4

It takes a second where numba is installed (``pip install -e '.[compiled]'``), else about 15.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import time
from collections.abc import Iterable
from itertools import count, islice, repeat

import numpy as np

from fnn import (
    Activation,
    Batch,
    Params,
    activations,
    init,
    key,
    minibatches,
    samples,
    start,
    trace,
    train_step,
)
from fnn.activations import celu, elu, leaky_relu
from fnn.data import Minibatches, Samples
from fnn.initializers import uniform
from fnn.losses import squared_error
from fnn.optimizers import sgd
from fnn.random import fold_in, split
from fnn.train import DivergenceError, epochs

PAIRS = {name: pair for name, pair in vars(activations).items() if isinstance(pair, Activation)}
PAIRS |= {"celu": celu(), "elu": elu(), "leaky_relu": leaky_relu()}
MU = 1.0


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    acts = (PAIRS[options.hidden], PAIRS[options.output])
    data = Batch(np.eye(8), np.eye(8))
    params_key, order_key = split(key(options.seed))
    passes: Iterable[Samples | Minibatches] = repeat(samples(data))
    if options.batch:
        passes = (minibatches(fold_in(order_key, i), options.batch, data) for i in count())
    # A minibatch's gradient is a mean: the rate is multiplied by its size to make it a sum.
    update = train_step(acts, squared_error, sgd(MU / 2 * (options.batch or 1)))
    params = init(params_key, (8, 3, 8), uniform(), uniform())
    state = start(update.optimizer, params)

    begun, number, distance = time.perf_counter(), 0, math.inf
    try:
        if options.engine == "compiled":
            from fnn import compiled

            enough = islice(passes, options.max_epochs)
            state, losses = compiled.train(update, state, enough, target=options.target / 8)
            number, distance, params = len(losses), 8 * losses[-1], state.params
        else:
            for epoch in islice(epochs(update, state, passes), options.max_epochs):
                number, distance, params = epoch.number, 8 * epoch.loss, epoch.state.params
                if distance <= options.target:
                    break
                if number % 500 == 0:
                    show_progress(f"epoch {number:,}: summed squared distance {distance:.4f}")
    except DivergenceError as error:
        show_progress("")
        print(error, file=sys.stderr)
        return 1
    show_progress("")

    print_codes(acts, params, data)
    seconds = time.perf_counter() - begun
    print(f"summed squared distance {distance:.6f} in epoch {number:,} ({seconds:.1f} s)")
    if distance <= options.target:
        return 0
    print(
        f"target {options.target} not reached in {number:,} epochs; try another --seed,"
        " more --max-epochs, or other activations",
        file=sys.stderr,
    )
    return 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the 8-3-8 autoencoder.")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights (default 0)")
    parser.add_argument(
        "--target", type=float, default=0.002, help="summed squared distance (default 0.002)"
    )
    parser.add_argument("--batch", type=int, metavar="N", help="train on minibatches of N samples")
    parser.add_argument("--hidden", choices=sorted(PAIRS), default="sigmoid", metavar="NAME")
    parser.add_argument(
        "--output",
        choices=sorted(PAIRS),
        default="sigmoid",
        metavar="NAME",
        help=f"the layers' activations (default sigmoid), of {', '.join(sorted(PAIRS))}",
    )
    parser.add_argument(
        "--engine",
        choices=("numpy", "compiled", "auto"),
        default="auto",
        help="what computes; auto, the default, is compiled where numba is installed",
    )
    parser.add_argument("--max-epochs", type=int, default=200_000, metavar="N")
    options = parser.parse_args(arguments)
    if not options.target >= 0:
        parser.error("--target: expected a number of at least 0")
    if options.seed < 0:
        parser.error("--seed: expected a whole number of at least 0")
    if options.max_epochs < 1 or (options.batch is not None and options.batch < 1):
        parser.error("--max-epochs and --batch: expected a whole number of at least 1")
    if options.engine == "auto":
        options.engine = "compiled" if importlib.util.find_spec("numba") else "numpy"
    return options


def show_progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def print_codes(acts: tuple[Activation, ...], params: Params, data: Batch) -> None:
    hidden, output = trace(acts, params, data.x)
    print("input     hidden code       bits    output")
    codes = set()
    for x, code, out in zip(data.x, hidden.a, output.a, strict=True):
        bits = " ".join(f"{b:.0f}" for b in np.round(code) + 0.0)
        codes.add(bits)
        print(
            "".join(f"{v:.0f}" for v in x),
            " ".join(f"{v:5.2f}" for v in code),
            f" {bits} ",
            " ".join(f"{v:5.2f}" for v in out),
        )
    print(f"{len(codes)} of 8 rounded codes are distinct")


if __name__ == "__main__":
    sys.exit(main())
