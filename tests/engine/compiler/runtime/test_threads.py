import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.engine.compiler.runtime import threads as module
from throughtime.engine.compiler.runtime.kernel import compiled_kernel
from throughtime.engine.compiler.runtime.threads import LARGE_WEIGHT, divide_work, max_threads
from throughtime.engine.trace.trace import trace


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def function(hidden: int):
    cell = GRU(3, hidden)
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    return compiled_kernel(found).functions["forward_inference"]


def test_compiled_code_uses_the_threads_of_torch(four_threads):
    assert max_threads() == 4
    torch.set_num_threads(1)
    assert max_threads() == 1


def test_a_forked_process_uses_one_thread(four_threads, monkeypatch):
    monkeypatch.setattr(module, "_forked", True)
    assert max_threads() == 1


def test_threads_divide_lanes_of_small_weights_and_columns_of_large_ones(four_threads):
    small, large = function(4), function(int(LARGE_WEIGHT**0.5))
    assert divide_work(small, 2) == (2, False)
    assert divide_work(small, 100) == (4, False)
    assert divide_work(large, 2) == (4, True)
    assert divide_work(large, 1000) == (4, False)
