import pytest
import torch

from throughtime.cell.base import Cell


def test_a_cell_is_its_three_methods():
    assert Cell.__abstractmethods__ == {"initial_state", "project", "step"}
    with pytest.raises(TypeError, match="abstract"):
        Cell(2, 3)


def test_outputs_have_the_size_of_the_hidden_state_unless_told():
    class Silent(Cell):
        def initial_state(self, batch_size):
            return (torch.zeros(batch_size, self.hidden_size),)

        def project(self, inputs):
            return inputs

        def step(self, projected, state):
            return projected, state

    assert Silent(2, 3).output_size == 3
    assert Silent(2, 3, output_size=4).output_size == 4
