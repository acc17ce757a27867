"""benchmark.py roofline: the counts of operations and bytes behind the bounds."""

import pytest
from benchmarks import peak, roofline
from benchmarks.kernel import kernel
from benchmarks.roofline import BOUNDS, bytes_of_rows, bytes_of_weights, flops, measure, table
from benchmarks.shapes import Shape
from benchmarks.variants import make_cell


@pytest.mark.parametrize(("name", "gates"), [("elman", 1), ("gru", 3), ("lstm", 4)])
def test_each_weight_multiplies_every_row_three_times(name, gates):
    shape = Shape(lanes=3, steps=5, hidden_size=16)
    assert flops(make_cell(name, 16), shape) == 3 * 2 * (5 * 3) * gates * (16 * 16 + 16 * 16)


def test_rows_grow_with_steps_and_lanes_and_weights_do_not():
    cell = make_cell("lstm", 16)
    compiled = kernel(cell)
    one = bytes_of_rows(compiled, cell, Shape(1, 1, 16))
    assert bytes_of_rows(compiled, cell, Shape(3, 5, 16)) == 15 * one
    # At least the input, the gates and the state of every step, and the gradients of these, in 4 bytes.
    assert one >= 2 * 4 * (16 + 4 * 16 + 2 * 16)
    assert bytes_of_weights(compiled) == 2 * 4 * (4 * 16 * 16)  # both passes read the recurrent matrix


def test_a_row_names_the_largest_bound(monkeypatch):
    monkeypatch.setattr(roofline, "ENOUGH", 0.001)
    monkeypatch.setattr(roofline, "SHAPES", [Shape(1, 2, 8)])
    monkeypatch.setattr(peak, "REPEATS", 2)
    monkeypatch.setattr(peak, "BYTES_A_REPEAT", 1 << 16)
    for cached in (peak.peak_flops, peak.read_bandwidth):
        cached.cache_clear()
    found = measure(["lstm"], [1], False, lambda line: None)
    (row,) = found["rows"]
    assert all(row[bound] > 0 for bound in BOUNDS)
    text = table(found)
    assert text.splitlines()[1].endswith(max(BOUNDS, key=row.__getitem__))
    assert max(map(len, text.splitlines()[:-1])) <= 80
    for cached in (peak.peak_flops, peak.read_bandwidth):
        cached.cache_clear()
