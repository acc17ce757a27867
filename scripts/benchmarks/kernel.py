"""Compiled kernel of a cell, as engine=fused runs it."""

import torch

from throughtime.cell.base import Cell
from throughtime.engine.compiler.engine import Fused, cell_kernel
from throughtime.engine.compiler.runtime.kernel import CompiledKernel
from throughtime.errors import UserError


def kernel(cell: Cell) -> CompiledKernel:
    """The compiled kernel of a cell, under the autocast that is on.

    Raises:
        UserError: engine=fused cannot run the cell.
    """
    inputs = torch.zeros(1, 1, cell.input_size)
    reason = Fused().unsupported_reason(cell, inputs, None, None)
    if reason is not None:
        raise UserError(f"engine=fused cannot run this {type(cell).__name__}: {reason}")
    return cell_kernel(cell, inputs)
