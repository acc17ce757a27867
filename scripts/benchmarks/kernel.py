"""The kernel that engine=fused makes of a cell."""

import torch

from throughtime.cell.base import Cell
from throughtime.engine.compiler.ir.program import UnknownOperatorError
from throughtime.engine.compiler.runtime.kernel import Compiled, compiled
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.mixed_precision import replace_bf16_autocast
from throughtime.engine.trace.trace import UntraceableError
from throughtime.engine.trace.trace_cache import cached_trace
from throughtime.errors import UserError


def kernel(cell: Cell) -> Compiled:
    """The compiled recurrence of a cell, under the autocast that is on.

    Raises:
        UserError: there is none, so that engine=fused would hand the cell to engine=bptt.
    """
    try:
        with replace_bf16_autocast(cell) as halves:
            projected = cell.project(torch.zeros(1, 1, cell.input_size)).detach()
            return compiled(cached_trace(cell, projected, cell.initial_state(1)), halves)
    except UnknownOperatorError as error:
        raise UserError(f"engine=fused has no C for this cell: its step has {error}") from error
    except (UntraceableError, CompilerError) as error:
        raise UserError(f"engine=fused makes no C of this cell: {error}") from error
