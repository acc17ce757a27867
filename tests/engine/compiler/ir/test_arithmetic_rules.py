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
        (lambda x: torch.special.i0(x), "aten.i0"),
        (lambda x: x.double().sin().float(), "in float64"),
        (lambda x: x + x.int(), "to int32"),
        (lambda x: (2 * x).add(x.sum(0), alpha=0.1), "sum over lanes"),
    ],
)
def test_an_error_names_arithmetic_that_has_no_c(change, named):
    class Changed(Elman):
        def step(self, projected, state):
            return super().step(change(projected), state)

    cell = Changed(3, 4)
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    with pytest.raises(UnknownOperatorError, match=named):
        lower(differentiate(found, decompositions()), found.lanes)
