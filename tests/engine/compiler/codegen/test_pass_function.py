import torch

from throughtime.cell.base import Cell
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.engine.compiler.runtime.kernel import CompiledKernel, compiled_kernel
from throughtime.engine.trace.trace import trace


def kernel(cell: Cell) -> CompiledKernel:
    return compiled_kernel(trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2)))


def test_an_elman_cell_is_one_product_and_one_loop_a_step():
    code = kernel(Elman(3, 4)).functions["forward_inference"].code
    assert code.count("step_gemm(") == 1
    assert code.count("#pragma omp simd") == 1
    assert "TANH(v" in code


def test_the_backward_pass_has_no_product_for_a_weights_gradient():
    functions = kernel(GRU(3, 4, reset="before")).functions
    assert (
        functions["backward"].code.count("step_gemm(")
        == functions["forward_training"].code.count("step_gemm(")
        == 2
    )


def test_the_same_cell_has_the_same_text():
    assert kernel(GRU(3, 4)).source == kernel(GRU(3, 4)).source
