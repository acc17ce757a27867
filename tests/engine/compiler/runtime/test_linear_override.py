"""Large linear layers of a run are computed by the compiler's products, and by torch's without a compiler."""

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.compiler.runtime import linear_override as module
from throughtime.engine.compiler.runtime.linear_override import CompiledProducts, project
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.reference import Reference


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """The rows of each product that is taken over."""
    found, forward = [], CompiledProducts.forward

    def counted(self, rows, weight, bias):
        found.append(len(rows))
        return forward(self, rows, weight, bias)

    monkeypatch.setattr(CompiledProducts, "forward", counted)
    return found


def test_an_input_product_is_taken_over_if_it_is_large(calls):
    cell = Elman(128, 128)
    project(cell, torch.randn(1, 1, 128))
    assert not calls
    project(cell, torch.randn(32, 8, 128))
    assert calls == [256]
    with torch.autocast("cpu", torch.bfloat16):
        project(cell, torch.randn(32, 8, 128))
    assert calls == [256]


def test_a_readout_of_all_steps_is_taken_over_too(calls):
    cell, inputs = Elman(128, 128), torch.randn(32, 8, 128)
    outputs, _ = Fused().run(cell, inputs, cell.initial_state(8))
    assert calls == [256, 256]
    expected, _ = Reference().run(cell, inputs, cell.initial_state(8))
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


def test_a_machine_without_a_compiler_computes_it_by_torch(monkeypatch):
    def fail(*arguments):
        raise CompilerError("there is none")

    monkeypatch.setattr(module, "row_products", fail)
    cell, inputs = Elman(128, 128), torch.randn(32, 8, 128)
    assert torch.equal(project(cell, inputs), cell.project(inputs))
