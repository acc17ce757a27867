import multiprocessing

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.compiler.runtime.kernel import compiled_kernel
from throughtime.engine.trace.trace import trace


def test_a_trace_is_compiled_once():
    cell = LSTM(3, 4)
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    assert compiled_kernel(found) is compiled_kernel(found)


def _train_in_child(cell, inputs, expected, results) -> None:
    outputs, _ = Fused().run(cell, inputs, cell.initial_state(inputs.shape[1]))
    outputs.sum().backward()
    results.put(bool(torch.allclose(outputs, expected)))


def test_a_forked_child_of_a_parent_that_used_threads_trains_too():
    threads = torch.get_num_threads()
    cell, inputs = Elman(3, 16, output_activation=None), torch.randn(4, 8, 3)
    try:
        torch.set_num_threads(2)
        expected, _ = Fused().run(cell, inputs, cell.initial_state(8))
        torch.set_num_threads(1)
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        child = context.Process(target=_train_in_child, args=(cell, inputs, expected.detach(), results))
        child.start()
        child.join(20)
        if child.is_alive():
            child.kill()
            pytest.fail("the child does not end")
        assert results.get()
    finally:
        torch.set_num_threads(threads)
