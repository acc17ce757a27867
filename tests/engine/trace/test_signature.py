import torch

from throughtime.cell.elman import Elman
from throughtime.cell.lstm import LSTM
from throughtime.engine.trace.signature import cell_attributes, cell_tensors, signature


def signed(cell, lanes=2, dtype=torch.float32):
    projected = torch.zeros(3, lanes, len(cell.bias), dtype=dtype)
    return signature(cell, projected, cell.initial_state(lanes))


def test_cells_alike_have_one_signature_whatever_their_numbers_and_lanes():
    assert signed(Elman(3, 4)) == signed(Elman(3, 4), lanes=7)


def test_all_that_a_step_can_see_is_in_it():
    cell = Elman(3, 4)
    before = signed(cell)
    assert before not in (signed(Elman(3, 5)), signed(LSTM(3, 4)), signed(Elman(3, 4, activation="relu")))
    assert before != signed(Elman(3, 4).eval())
    with torch.autocast("cpu", torch.bfloat16):
        assert before != signed(cell)
    cell.activation = torch.sin
    assert before != signed(cell)
    assert before != signed(Elman(3, 4).double(), dtype=torch.float64)


def test_an_attribute_that_cannot_be_hashed_counts_by_its_content():
    cell = Elman(3, 4)
    cell.steps = [1, 2]
    before = cell_attributes(cell)
    cell.steps.append(3)
    assert cell_attributes(cell) != before


def test_parameters_and_buffers_are_named():
    assert {"weight_recurrent", "start.hidden"} <= set(cell_tensors(Elman(3, 4)))
