"""Internal: arrays, checks and files that any module of fnn may use.

`numbers` converts and checks single numbers and arrays, `checks` the parts of a network, `shapes` the
data that flow through it. `vectors` joins layers into one vector, `masks` choose among them, `arrays`
are frozen, `memory` refuses what would not fit, `files` are replaced whole or not at all.
"""
