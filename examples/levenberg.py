"""Curves fitted by Levenberg and Marquardt in a few dozen steps, and noise left alone by Bayes.

Six targets in the manner of NIST and MATLAB with their fits; then noisy sinc and 30 hidden units:
least squares follows the noise, Bayesian regularization finds how many params the data determine.

    pip install -e '.[plot]'
    python examples/levenberg.py fits.png bayesian.png
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from matplotlib import pyplot

from fnn import Array, Batch, forward, init, key, solvers
from fnn.activations import identity, tanh
from fnn.random import fold_in, normal

ACTS = (tanh, identity)
e, poly = np.exp, np.polyval
UP, DOWN = (75, 580, 1500, 1300), (0.05, 0.4, 1, 1)
BLUE, RED, GRAY = "#2166ac", "#b2182b", "#888888"


def humps(x: Array) -> Array:
    return 100 / e(((x - 65) / 22) ** 2) + 70 / e(((x - 175) / 19) ** 2)


# A name, the curve, the ends of x, and the standard deviation of the noise.
TARGETS: list[tuple[str, Callable[[Array], Array], float, float, float]] = [
    ("Gauss: decay and two humps", lambda x: 98 / e(x / 100) + humps(x), 1, 250, 2.5),
    ("Lanczos: three decays", lambda x: 0.1 / e(x) + 0.9 / e(3 * x) + 1.6 / e(5 * x), 0, 1.2, 0.0),
    ("Misra: saturation", lambda x: 240 - 240 / e(x / 2000), 77, 760, 0.3),
    ("Thurber: ratio of cubics", lambda x: poly(UP, x) / poly(DOWN, x), -2.2, 2.2, 10.0),
    ("a simple fit", lambda x: np.sin(1.2 * x) / e(x / 10), 0, 10, 0.0),
    ("noisy sinc", np.sinc, -3, 3, 0.05),
]


def draw_fits(path: str, steps: int) -> None:
    _, axes = pyplot.subplots(2, 3, figsize=(9.6, 5), layout="constrained")
    for i, ((name, curve, low, high, sd), ax) in enumerate(zip(TARGETS, axes.flat, strict=True)):
        raw = np.linspace(low, high, 80)[:, None]
        noise = sd * normal(key(i), raw.shape)
        observed = curve(raw) + noise
        params = init(fold_in(key(2), i), (1, 8, 1))
        data = Batch(raw, observed)  # in any units: the solver scales inside
        goal = max(np.var(noise), 1e-5 * np.var(observed))  # until what is left is noise
        walk = solvers.levenberg_marquardt(ACTS, params, data, goal=float(goal), max_steps=steps)
        last = solvers.finish(walk).state
        fit = forward(ACTS, last.params, raw)
        error = np.sqrt(np.mean((fit - curve(raw)) ** 2)) / np.std(observed)
        print(f"{name}: {last.number} steps, error {error:.2%} of the data's deviation")
        ax.plot(raw, observed, "o", color=GRAY, markersize=4, markerfacecolor="none")
        ax.plot(raw, fit, color=BLUE)
        ax.set_title(f"{name}\n{last.number} steps, error {error:.2%}", fontsize="medium")
    pyplot.savefig(path, dpi=76)


def draw_bayesian(path: str, steps: int) -> None:
    clean = np.linspace(-3, 3, 60)[:, None]
    data = Batch(clean, np.sinc(clean) + 0.2 * normal(key(7), clean.shape))
    params = init(key(1), (1, 30, 1))
    walk = solvers.levenberg_marquardt(ACTS, params, data, max_steps=steps)
    fitted = solvers.finish(walk).state
    states = list(solvers.bayesian_regularization(ACTS, params, data, max_steps=steps))
    between = np.linspace(-3, 3, 400)[:, None]
    known = solvers.posterior(ACTS, states[-1], data)
    band = solvers.predict_interval(ACTS, known, between, noise=False)
    plain = forward(ACTS, fitted.params, between)
    for name, fit in (("least squares", plain), ("Bayesian", band.output)):
        print(f"{name}: root mean squared error {np.std(fit - np.sinc(between)):.3f}")
    print(f"{states[-1].effective:.1f} effective params of 91, noise {states[-1].beta ** -0.5:.3f}")
    _, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
    left.plot(clean, data.y, ".", color=GRAY, label="60 samples, noise 0.2")
    left.plot(between, np.sinc(between), "k--", linewidth=0.8, label="sinc itself")
    left.plot(between, plain, color=RED, linewidth=1, label="least squares")
    left.plot(between, band.output, color=BLUE, label="Bayesian, with its 95 % band")
    left.fill_between(between[:, 0], band.low[:, 0], band.high[:, 0], color=BLUE, alpha=0.2)
    left.set(ylim=(-0.9, 1.9), title="sinc by 30 hidden units, 91 params")
    left.legend(frameon=False, fontsize="small", loc="upper left")
    right.plot([state.effective for state in states], color=BLUE)
    right.set(xlabel="step", ylim=0, title="params that the data determine")
    pyplot.savefig(path, dpi=80)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fit curves, and leave noise alone.")
    parser.add_argument("fits", help="the file for the picture of six fits")
    parser.add_argument("bayesian", help="the file for the picture of noise left alone")
    parser.add_argument("--steps", type=int, default=200, metavar="N", help="at most (default 200)")
    options = parser.parse_args()
    if options.steps < 1:
        parser.error("--steps: expected a whole number of at least 1")
    draw_fits(options.fits, options.steps)
    draw_bayesian(options.bayesian, options.steps)
