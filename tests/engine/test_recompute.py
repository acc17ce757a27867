"""Segments: which there are, and that one inside another is left whole."""

import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.recompute import in_segments, segments


@pytest.mark.parametrize(("steps", "edges"), [(1, ()), (2, ()), (100, ()), (103, (0, 17, 103)), (10, (9,))])
def test_segments_cover_all_steps_in_order_and_are_about_the_root_of_them(steps, edges):
    found = segments(steps, edges)
    assert [step for start, stop in found for step in range(start, stop)] == list(range(steps))
    assert max(stop - start for start, stop in found) ** 2 <= steps
    assert len(found) <= 2 * steps**0.5 + 2 + len(edges)
    assert set(edges) <= {0, *(stop for _, stop in found)}


def test_a_segment_within_a_segment_is_not_cut_again():
    cell, engine, lengths = LSTM(3, 5), BackpropagationThroughTime(recompute=True), []
    project = cell.project

    def counted(inputs):
        lengths.append(len(inputs))
        return project(inputs)

    def segment(start, stop, state, rows):
        outputs, after = engine.run(cell, rows[0], state)
        return outputs.sum(), after

    cell.project = counted
    in_segments(segment, [(0, 16), (16, 32)], cell.initial_state(2), [torch.randn(32, 2, 3)], [])
    assert [length for length in lengths if length > 1] == [16, 16]


def test_a_number_that_is_summed_over_segments_has_second_derivatives():
    torch.manual_seed(0)
    cell, engine = LSTM(3, 5).double(), BackpropagationThroughTime()
    inputs = torch.randn(7, 2, 3).double().requires_grad_()
    learned, passed = list(cell.parameters()), []

    def segment(start, stop, state, rows):
        outputs, after = engine.run(cell, rows[0], state)
        return outputs.square().sum(), after

    def second(total):
        found = torch.autograd.grad(total, [inputs, *learned], create_graph=True)
        return torch.autograd.grad(sum(part.square().sum() for part in found), [inputs, *learned])

    start = cell.initial_state(2)
    total, _ = in_segments(
        segment, segments(7), start, [inputs], learned, lambda step, state: passed.append(step)
    )
    actual = second(total)
    torch.testing.assert_close(actual, second(segment(0, 7, start, [inputs])[0]), rtol=1e-9, atol=1e-9)
    assert passed == [stop for _, stop in segments(7)]
