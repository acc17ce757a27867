"""`engine=fused`: backpropagation through time in C that is generated and compiled for the cell.

    trace → derivative → ir (expressions of one lane and one feature) → schedule (stages between matrix products)
          → codegen (C) → runtime (compile, load, call)

Autograd sees one function for all steps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import Module

from throughtime.cell.base import Cell, State
from throughtime.engine.base import unsupported
from throughtime.engine.compiler.ir.program import UnknownOperatorError
from throughtime.engine.compiler.runtime.kernel import NO_KERNEL, CompiledKernel, compiled_kernel
from throughtime.engine.compiler.runtime.linear_override import override_linear, project
from throughtime.engine.compiler.runtime.recurrence import run_recurrence
from throughtime.engine.delta_clip import DeltaClip
from throughtime.engine.recompute import RecomputingEngine
from throughtime.engine.trace.sequence import run_sequence
from throughtime.engine.trace.trace import Trace, UntraceableError, with_delta_clip
from throughtime.engine.trace.trace_cache import cached_trace_for_inputs
from throughtime.tree import Tree, map_state


class Fused(RecomputingEngine):
    """Compiled kernels for any cell whose step is a fixed graph of operators, on a CPU in single or double precision.

    Under autocast to bfloat16, operands of matrix products are rounded to it where the processor can; everything else,
    the state too, stays in single precision. A second derivative raises an error: it would need arrays that a first
    one does not keep.

    Args:
        recompute, delta_clip, delta_clip_algorithm: as `RecomputingEngine`.
    """

    records_errors = True

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        """As `Engine.unsupported_reason`; compiles the cell's kernel the first time."""
        try:
            cell_kernel(cell, inputs, self.delta_clip)
        except NO_KERNEL as error:
            return _reason(error)
        return None

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """As `Engine._run`.

        Raises:
            UserError: the inputs are not on a CPU, the step is no fixed graph of operators or has one without C, or
                there is no working C compiler.
        """
        try:
            _check_device(inputs)
            with replace_bf16_autocast(cell) as bf16:
                if bf16:
                    inputs, state = to_float32(inputs), to_float32(state)
                run = partial(_run_sequence, bf16, self.delta_clip)
                return self._run_or_recompute(run, cell, inputs, state, lengths, resets)
        except NO_KERNEL as error:
            raise unsupported("fused", cell, _reason(error)) from error


def cell_kernel(
    cell: Cell, inputs: Float[Tensor, "T B I"], delta_clip: DeltaClip | None = None
) -> CompiledKernel:
    """The kernel that `Fused` runs a cell by, on such inputs and under the autocast that is on.

    Raises:
        UntraceableError: the inputs are not on a CPU, or the step is no fixed graph of operators.
        UnknownOperatorError: the compiler has no C for an operator or a type.
        CompilerError: there is no C compiler, or it fails.
    """
    _check_device(inputs)
    with replace_bf16_autocast(cell) as bf16:
        trace = cached_trace_for_inputs(cell, to_float32(inputs) if bf16 else inputs)
        return compiled_kernel(with_delta_clip(trace, delta_clip), bf16)


def _check_device(inputs: Tensor) -> None:
    if inputs.device.type != "cpu":
        raise UntraceableError("it compiles code for a CPU only")


def _reason(error: Exception) -> str:
    """Why there is no kernel, as half a sentence."""
    if isinstance(error, UnknownOperatorError):
        return f"the step has {error}, for which it has no C"
    return str(error)


def _run_sequence(
    bf16: bool,
    clip: DeltaClip | None,
    cell: Cell,
    inputs: Tensor,
    state: State,
    *masks: Tensor | None,
) -> tuple[Tensor, State]:
    products = partial(project, bf16=bf16), partial(override_linear, bf16)
    return run_sequence(partial(_loop, bf16, clip), cell, inputs, state, *masks, *products)


def _loop(bf16: bool, clip: DeltaClip | None, trace: Trace, *arguments: object) -> list[Tensor]:
    """As `sequence.Loop`, with operands of products in bfloat16 if `bf16`."""
    return run_recurrence(compiled_kernel(with_delta_clip(trace, clip), bf16), *arguments)


@contextmanager
def replace_bf16_autocast(cell: Module) -> Iterator[bool]:
    """Disable autocast inside the block if it asks for bfloat16 on a CPU; yield whether it does.

    Autocast would have a step round what is not multiplied too, and write the casts into its graph; the kernels round
    the operands of products alone.

    A cell whose parameters are in bfloat16 themselves has no single precision to stay in, and is left to autocast.
    """
    wanted = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    if not wanted or any(parameter.dtype == torch.bfloat16 for parameter in cell.parameters()):
        yield False
        return
    with torch.autocast("cpu", enabled=False):
        yield True


def to_float32(tree: Tree) -> Tree:
    """Convert the bfloat16 leaves of a tree to single precision; leave the others as they are."""
    return map_state(lambda part: part.float() if part.dtype == torch.bfloat16 else part, tree)
