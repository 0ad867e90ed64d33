"""Functions of the engine that run in Python, and call machine code.

``calls`` makes Python functions of addresses; ``pairs`` has pairs compiled, and ``comparison``
compares a user's with what it computes in NumPy. A ``session`` holds a network in training, and
``advance`` takes it through a feed, large batches by way of ``batches``. ``scan``, ``train`` and
``many`` train with them; ``evaluate`` has forward and backprop.
"""
