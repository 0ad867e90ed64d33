"""The 8-3-8 autoencoder's hidden codes as they form, drawn from the first epoch to the last.

Name the file for the picture, and the number of epochs:

    pip install -e '.[plot]'
    python examples/hidden_codes.py hidden-codes.png 10000
"""

from __future__ import annotations

import sys
from itertools import islice, repeat

import numpy as np
from matplotlib import pyplot

from fnn import Batch, init, key, samples, start, trace, train_step
from fnn.activations import sigmoid
from fnn.initializers import uniform
from fnn.losses import squared_error
from fnn.optimizers import sgd
from fnn.plot import plot_hidden_codes
from fnn.train import epochs

path, last = sys.argv[1], int(sys.argv[2])
acts = (sigmoid, sigmoid)
data = Batch(np.eye(8), np.eye(8))
update = train_step(acts, squared_error, sgd(0.5))
state = start(update.optimizer, init(key(0), (8, 3, 8), uniform(), uniform()))
moments = set(np.geomspace(1, last, 250).round())  # on a logarithmic axis they are even
numbers, codes = [], []
for epoch in islice(epochs(update, state, repeat(samples(data))), last):
    if epoch.number in moments:
        numbers.append(epoch.number)
        codes.append(trace(acts, epoch.state.params, data.x)[0].a)

_, ax = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
plot_hidden_codes(codes, numbers, ax).set_xscale("log")
pyplot.savefig(path, dpi=80)
