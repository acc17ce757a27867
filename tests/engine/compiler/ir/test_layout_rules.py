"""Operators that the compiler must refuse; the values of the others are tested by the cells of test_engine.py."""

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import UnknownOperatorError
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda x: x - x.mean(0), "sum"),
        (lambda x: x.flip(0), "aten.flip"),
        (lambda x: x.view(-1, 2, 2).sum(1).repeat(1, 2), "to the shape"),
        (lambda x: x @ (x.t() @ x), "aten.mm"),
        (lambda x: torch.cumsum(x, 1), "aten.cumsum"),
        (lambda x: x[:, ::2].repeat(1, 2), "with a step"),
    ],
)
def test_an_error_names_operators_that_mix_lanes_or_have_no_c(change, named):
    class Changed(Elman):
        def step(self, projected, state):
            return super().step(change(projected), state)

    cell = Changed(3, 4)
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    with pytest.raises(UnknownOperatorError, match=named):
        lower(differentiate(found, decompositions()), found.lanes)
