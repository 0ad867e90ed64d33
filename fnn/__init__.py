"""Dense neural networks as pure functions.

A network is ``(acts, params)``: a tuple of activation pairs and a tuple of layers. `forward`,
`backprop` and `step` return new values, and training is a fold over the data.
"""

from fnn.base import Activation as Activation
from fnn.base import Array as Array
from fnn.base import Batch as Batch
from fnn.base import Grads as Grads
from fnn.base import Layer as Layer
from fnn.base import LayerGrad as LayerGrad
from fnn.base import Loss as Loss
from fnn.base import Optimizer as Optimizer
from fnn.base import Params as Params
from fnn.checkpoint import load as load
from fnn.checkpoint import save as save
from fnn.data import minibatches as minibatches
from fnn.data import one_hot as one_hot
from fnn.data import samples as samples
from fnn.folds import fold as fold
from fnn.folds import scan as scan
from fnn.initializers import init as init
from fnn.network import apply_updates as apply_updates
from fnn.network import backprop as backprop
from fnn.network import forward as forward
from fnn.network import step as step
from fnn.network import trace as trace
from fnn.network import vjp as vjp
from fnn.random import key as key
from fnn.train import State as State
from fnn.train import start as start
from fnn.train import train_step as train_step

__version__ = "0.1.0"
