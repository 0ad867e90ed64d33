"""Held-out quality against scikit-learn's MLP: same rows, architecture, Adam, L2 and epochs.

    python -m benchmarks.quality

Ten seeds, each with its own stratified split, weights and order of rows; inputs (and the targets
of the regression) are standardized by the training rows. Both print their mean and standard
deviation over the seeds. The difference is taken seed by seed, and fnn is worse than noise where
it is below 0 by more than two standard errors. The first weights are each library's own default.
"""

from __future__ import annotations

import statistics
import sys
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.pin import pin

pin(1)

import numpy as np  # after the threads are pinned
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from fnn import Array, Batch, Grads, LayerGrad, Loss, Optimizer, Params, forward, init, key, one_hot
from fnn.activations import identity, relu
from fnn.data import standardize
from fnn.losses import sigmoid_cross_entropy, softmax_cross_entropy, squared_error
from fnn.optimizers import adam, chain
from fnn.random import split
from fnn.train import fit

SEEDS = 10
HIDDEN, EPOCHS, SIZE = 64, 40, 32
RATE, B1, B2, EPS, L2 = 1e-3, 0.9, 0.999, 1e-8, 1e-4
ACTS = (relu, identity)
HALF = Loss(  # scikit-learn's squared error, which L2 is weighed against
    lambda output, target: squared_error.f(output, target) / 2,
    lambda output, target: squared_error.df(output, target) / 2,
)


PREDICTED: dict[str, tuple[Loss, Callable[[Array], Array]]] = {  # by a task's scores
    "digits": (softmax_cross_entropy, lambda scores: scores.argmax(axis=1)),
    "breast cancer": (sigmoid_cross_entropy, lambda scores: scores[:, 0] > 0),
    "diabetes": (HALF, lambda scores: scores[:, 0]),
}


def decayed(
    grads: Grads[Any], state: tuple[()], params: Params[Any]
) -> tuple[Grads[Any], tuple[()]]:
    """scikit-learn's L2: of the weights, not the biases, divided by the rows of a batch."""
    layers = zip(grads, params, strict=True)
    return tuple(LayerGrad(dw + L2 / SIZE * w, db) for (dw, db), (w, _) in layers), state


def by_fnn(task: str, x: Array, y: Array, test_x: Array, seed: int) -> Array:
    loss, predicted = PREDICTED[task]
    targets = one_hot(y, 10) if task == "digits" else y[:, None]
    weights, order = split(key(seed))
    done = fit(
        ACTS,
        loss,
        chain(Optimizer(lambda params: (), decayed), adam(RATE, B1, B2, EPS)),
        init(weights, (x.shape[1], HIDDEN, targets.shape[1])),
        Batch(x, targets),
        key=order,
        batch_size=SIZE,
        max_epochs=EPOCHS,
    )
    return predicted(forward(ACTS, done.params, test_x))


def by_sklearn(task: str, x: Array, y: Array, test_x: Array, seed: int) -> Array:
    kind = MLPRegressor if task == "diabetes" else MLPClassifier
    model = kind(
        hidden_layer_sizes=(HIDDEN,),
        activation="relu",
        solver="adam",
        alpha=L2,
        batch_size=SIZE,
        learning_rate_init=RATE,
        beta_1=B1,
        beta_2=B2,
        epsilon=EPS,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS,  # all epochs: no early stopping
        tol=0.0,
        random_state=seed,
    )
    predicted: Array = model.fit(x, y).predict(test_x)
    assert model.n_iter_ == EPOCHS
    return predicted


def compare(task: str, load: Callable[..., Any], score: Callable[[Array, Array], float]) -> bool:
    """Whether fnn is no worse than noise."""
    x, y = map(np.asarray, load(return_X_y=True))
    ours, theirs = [], []
    for seed in range(SEEDS):
        train_x, test_x, train_y, test_y = train_test_split(
            x, y, test_size=0.25, random_state=seed, stratify=None if task == "diabetes" else y
        )
        inputs = StandardScaler().fit(train_x)
        rows = inputs.transform(train_x), train_y, inputs.transform(test_x)
        if task == "diabetes":
            train_y, outputs = standardize(train_y[:, None])
            rows, test_y = (rows[0], train_y[:, 0], rows[2]), outputs.apply(test_y[:, None])[:, 0]
        ours.append(float(score(test_y, by_fnn(task, *rows, seed))))
        theirs.append(float(score(test_y, by_sklearn(task, *rows, seed))))
    gains = [a - b for a, b in zip(ours, theirs, strict=True)]
    gain, error = statistics.mean(gains), statistics.stdev(gains) / SEEDS**0.5
    good = bool(gain >= -2 * error)
    print(
        f"{task} ({score.__name__}): fnn {shown(ours)}, scikit-learn {shown(theirs)},"
        f" difference {gain:+.4f}, standard error {error:.4f}: {'good' if good else 'WORSE'}",
        flush=True,
    )
    return good


def shown(scores: list[float]) -> str:
    return f"{statistics.mean(scores):.4f} (sd {statistics.stdev(scores):.4f})"


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs is the point
    print(f"NumPy {np.__version__}, scikit-learn {sklearn.__version__}, {HIDDEN} relu units,")
    print(f"Adam {RATE}, L2 {L2}, batches of {SIZE}, {EPOCHS} epochs, {SEEDS} seeds")
    results = [
        compare("digits", load_digits, accuracy_score),
        compare("breast cancer", load_breast_cancer, accuracy_score),
        compare("diabetes", load_diabetes, r2_score),
    ]
    sys.exit(not all(results))
