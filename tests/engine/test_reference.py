"""That the plain loop itself is right is told by a cell whose every output can be counted by hand."""

from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.cell.base import Cell
from throughtime.engine.reference import Reference


class Sum(NamedTuple):
    total: Tensor


class Counter(Cell):
    """s_t = s_{t-1} + x_t, which begins at 100."""

    def __init__(self) -> None:
        super().__init__(input_size=1, hidden_size=1)

    def initial_state(self, batch_size):
        return Sum(torch.full((batch_size, 1), 100.0))

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        return state.total + projected, Sum(state.total + projected)


def run(**arguments):
    state = Sum(torch.zeros(2, 1))
    outputs, after = Reference().run(Counter(), torch.ones(5, 2, 1), state, **arguments)
    return outputs[..., 0].T.tolist(), after.total[:, 0].tolist()


def test_the_state_goes_from_step_to_step():
    assert run() == ([[1, 2, 3, 4, 5]] * 2, [5, 5])


def test_a_lane_stops_at_its_length():
    assert run(lengths=torch.tensor([3, 0])) == ([[1, 2, 3, 0, 0], [0, 0, 0, 0, 0]], [3, 0])


def test_a_reset_comes_before_its_step_and_in_its_lane_only():
    resets = torch.zeros(5, 2, dtype=torch.bool)
    resets[2, 0] = True
    assert run(resets=resets) == ([[1, 2, 101, 102, 103], [1, 2, 3, 4, 5]], [103, 5])


def test_a_reset_in_the_padding_is_none():
    resets = torch.zeros(5, 2, dtype=torch.bool)
    resets[3] = True
    assert run(resets=resets, lengths=torch.tensor([3, 4])) == (
        [[1, 2, 3, 0, 0], [1, 2, 3, 101, 0]],
        [3, 101],
    )


def test_it_refuses_nothing():
    assert Reference().unsupported_reason(Counter(), torch.ones(1, 1, 1), None, None) is None
