"""Out-of-core passes: every row once, in bounded memory, in an order that the key decides."""

from __future__ import annotations

import csv
import pickle
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import Batch, Params, backprop, init, key, minibatches, scan, step
from fnn.activations import identity
from fnn.base import Array
from fnn.data import Source, batches_from, chunked, csv_tables
from fnn.losses import squared_error
from fnn.random import fold_in, normal
from fnn.train import epochs
from fnn.tree import leaves

LENGTHS = (3, 0, 1, 7, 2)


def rows_of(numbers: Iterable[float], weighted: bool = True) -> Batch:
    """Rows that say which they are, three times."""
    n = np.array(list(numbers), float)
    return Batch(n[:, None] * [1, 2], -n[:, None], n + 1 if weighted else None)


def cut(lengths: Iterable[int], weighted: bool = True) -> list[Batch]:
    """Chunks of these lengths, with rows numbered through."""
    numbers = count()
    return [rows_of(islice(numbers, length), weighted) for length in lengths]


def ids(batches: Iterable[Batch]) -> list[list[int]]:
    """The numbers of the rows of each batch, whose parts must agree about them."""
    seen = []
    for batch in batches:
        np.testing.assert_array_equal(batch.x[:, 1], 2 * batch.x[:, 0])
        np.testing.assert_array_equal(batch.y[:, 0], -batch.x[:, 0])
        if batch.weight is not None:
            np.testing.assert_array_equal(batch.weight, batch.x[:, 0] + 1)
        seen.append(batch.x[:, 0].astype(int).tolist())
    return seen


def as_function(chunks: list[Batch]) -> Callable[[], Iterator[Batch]]:
    return lambda: iter(list(chunks))


def flat(nested: Iterable[list[int]]) -> list[int]:
    return [number for numbers in nested for number in numbers]


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12), st.booleans(), st.booleans())
def test_chunks_of_any_lengths_become_batches_of_one_size(
    lengths: list[int], size: int, weighted: bool, listed: bool
) -> None:
    n = sum(lengths)
    chunks = cut([*lengths, 1], weighted)
    pass_ = batches_from(chunks if listed else as_function(chunks), size)
    expected = [list(range(i, min(i + size, n + 1))) for i in range(0, n + 1, size)]
    for _ in range(2):
        assert ids(pass_) == expected
    assert all((batch.weight is not None) == weighted for batch in pass_)


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12), st.booleans())
def test_a_key_reorders_rows_within_their_chunks_and_drops_or_repeats_none(
    lengths: list[int], size: int, listed: bool
) -> None:
    chunks = cut([*lengths, 1])
    pass_ = batches_from(chunks if listed else as_function(chunks), size, key=key(1))
    batches = ids(pass_)
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    rows = flat(batches)
    assert sorted(rows) == list(range(sum(lengths) + 1))
    own = [chunk.x[:, 0].astype(int).tolist() for chunk in chunks if len(chunk.x)]
    blocks = []
    while rows:  # a chunk's rows stay together
        (chunk,) = (numbers for numbers in own if rows[0] in numbers)
        assert sorted(rows[: len(chunk)]) == chunk
        blocks.append(chunk)
        rows = rows[len(chunk) :]
    if not listed:
        assert blocks == own
    assert ids(pass_) == batches


@pytest.mark.parametrize("listed", [True, False])
def test_every_epoch_has_an_order_of_its_own_and_the_same_again(listed: bool) -> None:
    chunks = cut([20, 20, 20, 20])
    source: Source = chunks if listed else as_function(chunks)
    orders = [flat(ids(batches_from(source, 8, key=fold_in(key(0), i)))) for i in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    again = [flat(ids(batches_from(source, 8, key=fold_in(key(0), i)))) for i in range(5)]
    assert orders == again
    firsts = {order[0] // 20 for order in orders}
    assert len(firsts) > 1 if listed else firsts == {0}
    within = {tuple(row % 20 for row in order[i : i + 20]) for order in orders for i in (0, 20)}
    assert len(within) == 10  # no chunk is ordered like another


def test_pairs_lists_frames_and_mixed_dtypes_make_chunks() -> None:
    def chunks() -> Iterator[Any]:
        yield [[0, 0]], [[0]]
        yield np.array([[1, 2]], np.float32), np.array([[-1]], np.int8)
        yield Batch(np.array([[2.5, 5.0]]), np.array([[True]]))

    (batch,) = batches_from(lambda: ((x, y) for x, y, *_ in chunks()), 5)
    assert batch.x.tolist() == [[0, 0], [1, 2], [2.5, 5]]
    assert batch.y.tolist() == [[0], [-1], [1]]


def test_a_generator_may_fill_the_same_arrays_for_every_chunk() -> None:
    def chunks() -> Iterator[tuple[Array, Array]]:
        x, y = np.empty((3, 2)), np.empty((3, 1))
        for first in (0, 3, 6):
            chunk = rows_of(range(first, first + 3))
            x[:], y[:] = chunk.x, chunk.y
            yield x, y

    for size in (1, 2, 3, 4, 9, 99):
        assert flat(ids(list(batches_from(chunks, size)))) == list(range(9))


def test_batches_are_frozen_and_chunks_are_left_alone() -> None:
    chunks = cut([4, 4])
    for size in (2, 4, 5, 8):
        for batch in batches_from(chunks, size):
            for array in batch:
                assert array is not None
                assert not array.flags.writeable
    for chunk in chunks:
        for array in chunk:
            assert array is not None
            assert array.flags.writeable
    assert ids(chunks) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_pass_pickles_with_the_function_that_it_reads() -> None:
    pass_ = batches_from(partial(cut, LENGTHS), 4, key=key(3))
    assert ids(pickle.loads(pickle.dumps(pass_))) == ids(pass_)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    made = []

    def chunks() -> Iterator[Batch]:
        for i in range(5):
            made.append(i)
            yield rows_of(range(2 * i, 2 * i + 2))

    pass_ = batches_from(chunks, 4)
    assert made == []
    assert ids([next(iter(pass_))]) == [[0, 1, 2, 3]]
    assert made == [0, 1]


def test_an_epoch_trains_as_on_the_same_rows_in_memory() -> None:
    data = Batch(normal(key(4), (50, 3)), normal(key(5), (50, 2)))

    def update(params: Params, batch: Batch) -> tuple[Params, float]:
        value, grads = backprop((identity,), squared_error, params, batch)
        return step(params, grads, 0.05), value

    params = init(key(6), (3, 2))
    whole = chunked(50, data)  # one chunk: the order is that of its rows alone
    passes = (batches_from(whole, 8, key=fold_in(key(7), epoch)) for epoch in count())
    done = list(islice(epochs(update, params, passes), 3))
    for i in range(3):
        pass_ = batches_from(whole, 8, key=fold_in(key(7), i))
        rows = [int((data.x == row).all(axis=1).argmax()) for batch in pass_ for row in batch.x]
        assert sorted(rows) == list(range(50))
        ordered = Batch(data.x[rows], data.y[rows])
        params, _ = scan(update, params, chunked(8, ordered))
    for a, b in zip(leaves(done[-1].state), leaves(params), strict=True):
        np.testing.assert_array_equal(a, b)


def test_chunked_is_a_sequence_of_views() -> None:
    data = rows_of(range(10), weighted=False)
    chunks = chunked(4, data)
    assert ids(chunks) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert ids(chunks[1:]) == [[4, 5, 6, 7], [8, 9]]
    assert len(chunks) == 3
    assert np.shares_memory(chunks[0].x, data.x)
    assert not chunks[0].x.flags.writeable
    assert data.x.flags.writeable
    assert ids(chunked(99, data)) == [list(range(10))]


ROWS, WIDTH, CHUNK, SIZE = 40_000, 16, 1000, 64
CHUNK_BYTES, BATCH_BYTES = CHUNK * (WIDTH + 1) * 8, SIZE * (WIDTH + 1) * 8


def peak(batches: Iterable[Batch]) -> tuple[int, int]:
    """The number of rows, and the most memory that reading them takes at any time."""
    next(iter(batches))  # so that nothing is imported for the first time below
    tracemalloc.start()
    rows = sum(len(batch.x) for batch in batches)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return rows, most


def made_chunks() -> Iterator[tuple[Array, Array]]:
    for _ in range(ROWS // CHUNK):
        yield np.ones((CHUNK, WIDTH)), np.ones((CHUNK, 1))


@pytest.mark.parametrize("order", [None, key(0)])
def test_memory_is_bounded_by_one_chunk_and_three_batches(order: Any) -> None:
    rows, most = peak(batches_from(made_chunks, SIZE, key=order))
    assert rows == ROWS
    beside = CHUNK * 8 + CHUNK * WIDTH + 20_000  # the order of rows, flags for finite ones, objects
    assert most < CHUNK_BYTES + 3 * BATCH_BYTES + beside < ROWS * WIDTH * 8 / 20


@pytest.mark.parametrize("size", [SIZE, 3 * CHUNK])
def test_an_array_on_disk_is_never_loaded_whole(tmp_path: Path, size: int) -> None:
    for name, width in (("x", WIDTH), ("y", 1)):
        on_disk = np.lib.format.open_memmap(
            tmp_path / f"{name}.npy", "w+", np.dtype(np.float64), (ROWS, width)
        )
        on_disk[:] = np.arange(ROWS)[:, None] * [(1 + j) / 1 for j in range(width)]
        on_disk.flush()
    x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    pass_ = batches_from(chunked(CHUNK, Batch(x, y)), size, key=key(1))
    rows, most = peak(pass_)
    assert rows == ROWS
    assert most < 3 * size * (WIDTH + 1) * 8 + CHUNK * 8 + CHUNK * WIDTH + 20_000
    seen = np.concatenate([batch.y[:, 0] for batch in pass_])
    assert sorted(seen) == list(range(ROWS))
    for batch in islice(pass_, 3):
        np.testing.assert_array_equal(batch.x[:, 2], 3 * batch.y[:, 0])


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_tables_of_a_csv_file_hold_its_numbers(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(11, 3)) * 1e10
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b", "c"], *table.tolist()])
    for rows in (1, 4, 11, 100):
        tables = list(csv_tables(path, rows, skip=1))
        assert [len(part) for part in tables[:-1]] == [rows] * (len(tables) - 1)
        np.testing.assert_array_equal(np.concatenate(tables), table)
    assert len(list(csv_tables(str(path), 4, skip=1))) == 3


def test_spreadsheets_habits_are_read(tmp_path: Path) -> None:
    text = '\ufeff1; "2" ;3\r\n\r\n4;;nan\r\n -5e3 ; 6;+7'
    (table,) = csv_tables(write(tmp_path / "b.csv", text), 10, delimiter=";")
    np.testing.assert_array_equal(table, [[1, 2, 3], [4, np.nan, np.nan], [-5000, 6, 7]])
    assert list(csv_tables(write(tmp_path / "c.csv", "a,b\n"), 10, skip=1)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,x\n", r"line 2: expected numbers in 2 columns, got '3,x'; skip headings"),
        ("1,2\n\n3\n", r"line 3: expected numbers in 2 columns, got '3'"),
        ("1,2\n3,4,5\n", r"line 2: expected numbers in 2 columns, got '3,4,5'"),
        ("a,b\n1,2\n", r"line 1: expected numbers in 2 columns, got 'a,b'"),
    ],
)
def test_a_line_that_is_not_of_numbers_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "bad.csv", text)
    with pytest.raises(ValueError, match=r"bad\.csv, " + message):
        list(csv_tables(path, 10))
    shifted = write(tmp_path / "bad.csv", "heading\n" + text)
    with pytest.raises(ValueError, match=rf"line {int(message[5]) + 1}:"):
        list(csv_tables(shifted, 10, skip=1))


def test_a_csv_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    n, rows = 20_000, 200
    path = write(tmp_path / "long.csv", "".join(f"{i},{-i},1,2\n" for i in range(n)))

    def chunks() -> Iterator[tuple[Array, Array]]:
        for table in csv_tables(path, rows):
            yield table[:, :1] * [1, 2], table[:, 1:2]

    seen, most = peak(batches_from(chunks, 32))
    assert seen == n
    assert most < 100_000 < n * 4 * 8 / 6
    assert flat(ids(batches_from(chunks, 32))) == list(range(n))


def generator() -> Iterator[Batch]:
    yield from cut(LENGTHS)


@pytest.mark.parametrize(
    ("chunks", "got"),
    [
        (generator(), "generator"),
        (iter([]), "list_iterator"),
        (rows_of([1]), "Batch"),
        ("data.csv", "str 'data.csv'"),
        (np.ones((3, 3)), r"an array \(3, 3\) of float64"),
        (None, "NoneType None"),
    ],
)
def test_what_could_be_read_once_is_refused_at_once(chunks: Any, got: str) -> None:
    with pytest.raises(TypeError, match=f"chunks: expected a function .* got .*{got}.*; pass a"):
        batches_from(chunks, 2)


def test_a_function_that_gives_the_same_iterator_again_is_found_out_by_the_second_pass() -> None:
    only = iter(cut(LENGTHS))
    pass_ = batches_from(lambda: only, 2)
    assert len(list(pass_)) == (sum(LENGTHS) + 1) // 2
    with pytest.raises(ValueError, match=r"got none; .*an iterator from outside is empty the sec"):
        next(iter(pass_))


def test_a_source_is_opened_once_a_pass() -> None:
    opened = []

    def source() -> Iterator[Any]:
        opened.append(1)
        return map(rows_of, [[1.0], [2.0]])

    for _ in range(3):
        list(batches_from(source, 2))
    assert len(opened) == 3


@pytest.mark.parametrize("chunks", [[], list, lambda: cut([0, 0])])
def test_a_source_without_rows_is_an_error(chunks: Any) -> None:
    with pytest.raises(ValueError, match="chunks: expected at least one row that counts, got none"):
        list(batches_from(chunks, 2))


@pytest.mark.parametrize(
    ("chunk", "error", "message"),
    [
        (
            np.ones((2, 2)),
            TypeError,
            r"chunks\[1\]: .* a pair \(x, y\), got an array",
        ),
        (
            (np.ones((2, 2)),),
            TypeError,
            r"chunks\[1\]: expected a Batch .* a tuple of 1",
        ),
        ((np.ones(2), np.ones((2, 1))), ValueError, r"chunks\[1\]\.x: expected \(n, width\)"),
        ((np.ones((2, 2)), np.ones(2)), ValueError, r"chunks: expected x .* y \(n,\)"),
        ((np.ones((2, 2)), np.ones((3, 1))), ValueError, r"chunks\[1\]\.y: expected 2 rows"),
        ((np.array([["a", "b"]]), np.ones((1, 1))), TypeError, r"chunks\[1\]\.x: expected real"),
        ((np.ones((2, 3)), np.ones((2, 1))), ValueError, r"expected x \(n, 2\), .* got x \(n, 3\)"),
        ((np.ones((2, 2)), np.ones((2, 2))), ValueError, r"y \(n, 1\) .* got .* y \(n, 2\)"),
        (rows_of([1, 2]), ValueError, r"no weight like the chunk before, got .* weight \(n,\)"),
        (
            (np.array([[1, 1], [1, np.nan]]), np.ones((2, 1))),
            ValueError,
            r"chunks\[1\]\.x: expected finite numbers, got nan in row 1, column 1",
        ),
    ],
)
def test_a_bad_chunk_is_named(chunk: Any, error: type[Exception], message: str) -> None:
    good = rows_of([1], weighted=False)
    for chunks in ([good, chunk], lambda: [good, chunk]):
        with pytest.raises(error, match=message):
            list(batches_from(chunks, 2))


def test_missing_targets_pass() -> None:
    (batch,) = batches_from([Batch(np.ones((1, 2)), np.array([[np.nan]]))], 2)
    assert np.isnan(batch.y).all()


def test_a_function_that_yields_nothing_says_so() -> None:
    nothing: Any = {}.clear
    with pytest.raises(TypeError, match="got one that gives NoneType None; yield the chunks"):
        list(batches_from(nothing, 2))


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_sizes_are_whole_numbers_of_at_least_1(size: Any) -> None:
    with pytest.raises(ValueError, match="size: expected a whole number of at least 1"):
        batches_from(generator, size)
    with pytest.raises(ValueError, match="rows: expected a whole number of at least 1"):
        chunked(size, rows_of([1]))
    with pytest.raises(ValueError, match="rows: expected a whole number of at least 1"):
        next(csv_tables("none.csv", size))


def test_the_key_is_a_key() -> None:
    wrong: Any = 7
    with pytest.raises(TypeError, match="key: expected a Key, got 7"):
        batches_from(generator, 2, key=wrong)
    with pytest.raises(ValueError, match=r"data\.x: expected at least one row"):
        chunked(2, rows_of([]))
    with pytest.raises(ValueError, match="size"):
        minibatches(key(0), 0, rows_of([1]))
