"""Handwritten digits: minibatches, a held-out accuracy, checkpoints, and a picture of the errors.

The data are the 1,797 images of 8 x 8 pixels that scikit-learn brings along. Interrupt the run, or
kill it, and go on by adding --resume: the params come out the same, bit by bit.

    pip install -e '.[examples]'
    python examples/digits.py --checkpoint digits.npz --confusion digits.png
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

from fnn import Batch, forward, init, key, minibatches, one_hot, start, train_step
from fnn.activations import identity, relu
from fnn.checkpoint import load, save
from fnn.data import split
from fnn.losses import softmax_cross_entropy
from fnn.optimizers import adam
from fnn.plot import plot_confusion
from fnn.random import fold_in
from fnn.train import epochs

ACTS = (relu, identity)  # the loss takes logits, so the last layer has no activation of its own


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    update = train_step(ACTS, softmax_cross_entropy, adam(2e-3))
    root = key(options.seed)
    params = init(fold_in(root, 0), (64, 128, 10))
    fresh = (start(update.optimizer, params), root, 0)  # all that a checkpoint needs
    state, root, done = load(options.checkpoint, like=fresh) if options.resume else fresh

    images, labels = map(np.asarray, load_digits(return_X_y=True))
    data = Batch(images / 16, one_hot(labels, 10))
    train, test = split(fold_in(root, 1), 0.25, data, stratify=labels)
    order = fold_in(root, 2)
    passes = (minibatches(fold_in(order, i), 32, train) for i in range(done, options.epochs))
    trained = epochs(update, state, passes)
    progress = tqdm(trained, initial=done, total=options.epochs, unit="epoch", disable=None)
    for epoch in progress:
        state = epoch.state
        progress.set_postfix(loss=f"{epoch.loss:.4f}")
        if options.checkpoint:
            save(options.checkpoint, (state, root, done + epoch.number))

    predict = partial(forward, ACTS, state.params)
    true, predicted = test.y.argmax(axis=1), predict(test.x).argmax(axis=1)
    right = true == predicted
    print(f"{right.sum()} of {len(right)} held-out digits right: accuracy {right.mean():.4f}")
    if options.confusion:
        from matplotlib import pyplot

        plot_confusion(true, predicted)
        pyplot.savefig(options.confusion, dpi=80)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a network to read handwritten digits.")
    parser.add_argument("--seed", type=int, default=0, help="of data split and weights (default 0)")
    parser.add_argument("--epochs", type=int, default=40, metavar="N", help="in all (default 40)")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="saved after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint's epoch")
    parser.add_argument("--confusion", type=Path, metavar="FILE", help="draw the errors, as a .png")
    options = parser.parse_args(arguments)
    if options.seed < 0 or options.epochs < 1:
        parser.error("--seed and --epochs: expected whole numbers of at least 0 and 1")
    if options.resume and not (options.checkpoint and options.checkpoint.exists()):
        parser.error("--resume: expected a --checkpoint FILE that a run has saved")
    return options


if __name__ == "__main__":
    sys.exit(main())
