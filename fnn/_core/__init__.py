"""Internal: arrays, checks and files that any module of fnn may use.

`numbers` converts and checks single numbers and arrays, `conversion` says what makes numbers of
other data, `checks` the parts of a network, `shapes`
the data that flow through it. `targets` compares targets and the last pair with what a loss
declares, and `remedies` says what makes them fit. `vectors` joins layers into one vector, `masks`
choose among their numbers, `arrays` freezes, `memory` refuses arrays that would not fit, and
`files` replaces files as a whole or not at all.
"""
