"""What `test_contract` cannot say: the scan itself, its depth, and its behaviour at the ends of the numbers."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from throughtime.cell.elman import Elman
from throughtime.cell.lru import LRU
from throughtime.cell.mingru import MinGRU
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan, linear_scan
from throughtime.errors import UserError


def recurrence(steps: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    torch.manual_seed(steps)
    shapes = [(steps, 2, 3), (steps, 2, 3), (2, 3)]
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def loop(a, b, hidden):
    found = []
    for a_t, b_t in zip(a, b, strict=True):
        hidden = a_t * hidden + b_t
        found.append(hidden)
    return torch.stack(found)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 29])
def test_a_scan_is_the_loop(steps, dtype):
    sources = recurrence(steps, dtype)
    weights = torch.randn(steps, 2, 3, dtype=dtype)
    found, expected = (
        [hidden, *torch.autograd.grad((hidden * weights).sum().abs(), sources)]
        for hidden in (linear_scan(*sources), loop(*sources))
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_first_and_second_derivatives_are_finite_differences(dtype):
    sources = recurrence(5, dtype)
    assert torch.autograd.gradcheck(linear_scan, sources, fast_mode=True)
    assert torch.autograd.gradgradcheck(linear_scan, sources, fast_mode=True)


def test_products_that_vanish_do_no_harm():
    """Where a sum over b_t / Π a_t would divide by zero."""
    a, b, before = (part.detach().float() for part in recurrence(64))
    a[:] = 1e-30
    a[20] = 0
    sources = [part.requires_grad_() for part in (a, b, before)]
    hidden = linear_scan(*sources)
    torch.testing.assert_close(hidden, loop(*sources))
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(hidden.sum(), sources))


def test_a_long_scan_is_as_exact_as_the_loop():
    a, b, before = (part.detach() for part in recurrence(5000))
    a = 1 - 1e-3 * torch.sigmoid(a)
    expected = loop(a, b, before)
    single = (part.float() for part in (a, b, before))
    torch.testing.assert_close(linear_scan(*single).double(), expected, rtol=1e-4, atol=1e-4)


class Count(TorchDispatchMode):
    """Counts the operators that run inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.operators = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.operators += 1
        return function(*arguments, **(keywords or {}))


@pytest.mark.parametrize("kind", [MinGRU, LRU])
def test_twice_the_steps_are_one_level_more(kind):
    cell, counts = kind(3, 4), []
    Scan().run(
        cell, torch.randn(1, 2, 3), cell.initial_state(2)
    )  # the check of arguments is done once for a cell
    for steps in (64, 128, 256):
        inputs = torch.randn(steps, 2, 3)
        with Count() as count:
            outputs, _ = Scan().run(cell, inputs, cell.initial_state(2))
            outputs.sum().backward()
        counts.append(count.operators)
    assert counts[2] - counts[1] == counts[1] - counts[0] < 64


def test_a_second_derivative_of_a_cell_is_that_of_the_plain_loop():
    cell, inputs = LRU(3, 4).double(), torch.randn(5, 2, 3).double().requires_grad_()
    found = []
    for engine in (Scan(), Reference()):
        outputs, _ = engine.run(cell, inputs, cell.initial_state(2))
        gradient = torch.autograd.grad(outputs.square().sum(), inputs, create_graph=True)[0]
        found.append(torch.autograd.grad(gradient.square().sum(), cell.decay)[0])
    torch.testing.assert_close(*found)


def test_a_cell_that_is_not_linear_is_refused_with_the_reason():
    cell = Elman(3, 4)
    with pytest.raises(UserError, match=r"engine=scan cannot run this Elman: .*linear.*; choose engine=auto"):
        Scan().run(cell, torch.randn(2, 1, 3), cell.initial_state(1))
