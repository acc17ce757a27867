import pytest
import torch
from torch.nn import functional

from throughtime.cell.elman import Elman
from throughtime.engine.bptt.mkldnn import Dense
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.compiler.runtime import linear_override as module
from throughtime.engine.compiler.runtime.linear_override import OwnProducts, linear, project
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.reference import Reference


def test_values_and_gradients_are_those_of_torch():
    arguments = [torch.randn(shape, requires_grad=True) for shape in ((6, 4, 33), (70, 33), (70,))]
    expected, found = functional.linear(*arguments), linear(*arguments)
    torch.testing.assert_close(found, expected)
    weighting = torch.randn(6, 4, 70)
    for a, b in zip(*(torch.autograd.grad(r, arguments, weighting) for r in (found, expected)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(linear(*arguments[:2]), functional.linear(*arguments[:2]))


def test_it_is_taken_where_there_is_much_to_do(monkeypatch):
    taken = []
    monkeypatch.setattr(
        module, "linear", lambda *arguments: taken.append(1) or functional.linear(*arguments[:3])
    )
    cell = Elman(64, 64)
    project(cell, torch.randn(1, 1, 64))
    assert not taken
    project(cell, torch.randn(32, 8, 64))
    assert taken
    taken.clear()
    with torch.autocast("cpu", torch.bfloat16):
        project(cell, torch.randn(32, 8, 64))
    assert not taken


def test_a_readout_of_all_steps_is_taken_too(monkeypatch):
    taken = []
    monkeypatch.setattr(
        module, "linear", lambda *arguments: taken.append(1) or functional.linear(*arguments[:3])
    )
    cell, inputs = Elman(64, 64), torch.randn(32, 8, 64)
    outputs, _ = Fused().run(cell, inputs, cell.initial_state(8))
    assert len(taken) == 2
    expected, _ = Reference().run(cell, inputs, cell.initial_state(8))
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


def test_a_machine_without_a_compiler_does_it_as_torch_does(monkeypatch):
    def fail(*arguments):
        raise CompilerError("there is none")

    monkeypatch.setattr(module, "row_products", fail)
    cell, inputs = Elman(64, 64), torch.randn(32, 8, 64)
    assert torch.equal(project(cell, inputs), cell.project(inputs))


@pytest.mark.parametrize("bias", [None, torch.zeros(64), torch.ones(1)])
@pytest.mark.parametrize("mode", [OwnProducts, Dense])
def test_sizes_that_do_not_agree_are_left_to_torch(mode, bias):
    weight = torch.randn(64, 256)
    with mode(), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        functional.linear(torch.randn(128, 255), weight, bias)
    inputs = torch.randn(128, 256)
    with mode():
        found = functional.linear(inputs, weight, bias)
    torch.testing.assert_close(found, functional.linear(inputs, weight, bias), rtol=1e-4, atol=1e-4)
