"""Tables of numbers made from networks, data and optimizers; neither numba nor machine code.

``checks`` refuses what cannot be planned. ``layout`` places a network's params in one padded
vector. ``feed`` turns a pass over data into arrays and row numbers, and ``pieces`` joins passes
until a call is worth while. ``program`` turns an optimizer into operations. ``tables`` names the
columns of the tables, ``signatures`` the arguments of the machine code that reads them, and
``limits`` the sizes at which the engine goes another way.
"""
