"""Backpropagation through time by C that is made for the cell (`engine=fused`).

The cell's step is traced (`trace`), differentiated (`derivative`), turned into expressions of one lane and one
feature (`lower`), scheduled between its products (`schedule`, `passes`), written as C (`emit`), and compiled
(`compiler`). What autograd sees is one function; each weight's gradient is one product over all steps after it
(see `bptt` for the formulas).
"""

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.buffer_pool import buffer_pool
from throughtime.engine.compiler.ir.program import UnknownOperatorError
from throughtime.engine.compiler.runtime.kernel import Compiled, compiled
from throughtime.engine.compiler.runtime.linear_override import override_linear, project
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.compiler.runtime.weight_gradients import weight_gradients
from throughtime.engine.gradient_records import is_recording, next_run_number, record
from throughtime.engine.mixed_precision import replace_bf16_autocast, to_float32
from throughtime.engine.recompute import run_in_segments
from throughtime.engine.second_derivative import forbid_second_derivative, graph_placeholders
from throughtime.engine.trace.sequence import run_sequence
from throughtime.engine.trace.trace import Trace, UntraceableError
from throughtime.engine.trace.trace_cache import cached_trace_for_inputs
from throughtime.errors import UserError

NO_KERNEL = (UntraceableError, UnknownOperatorError, CompilerError)


class Fused(Engine):
    """Runs any cell whose step is a fixed graph of torch's operators, on a CPU in single or double precision.

    Where autocast asks for bfloat16, products are done in it where the processor can, and all else, the state too,
    stays in single precision. The gradient can be taken once: its derivative needs `projected`, which would be kept for
    it alone.

    Args:
        recompute: whether only every √T-th state is kept for the gradient, and the steps between are run again.
    """

    records_errors = True

    def __init__(self, recompute: bool = False) -> None:
        self.recompute = recompute

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        """As `Engine.unsupported_reason`; compiles the cell's kernel the first time."""
        if inputs.device.type != "cpu":
            return "it makes code for a CPU only"
        try:
            with replace_bf16_autocast(cell) as halves:
                compiled(cached_trace_for_inputs(cell, to_float32(inputs) if halves else inputs), halves)
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
                there is no C compiler.
        """
        kind = type(cell).__name__
        try:
            if inputs.device.type != "cpu":
                raise UntraceableError("it makes code for a CPU only")
            with replace_bf16_autocast(cell) as halves:
                if halves:
                    inputs, state = to_float32(inputs), to_float32(state)
                run = partial(_run_whole, halves)
                if self.recompute:
                    return run_in_segments(run, cell, inputs, state, lengths, resets)
                return run(cell, inputs, state, lengths, resets)
        except NO_KERNEL as error:
            raise UserError(
                f"engine=fused cannot run this {kind}: {_reason(error)}; choose engine=auto"
            ) from error


def _reason(error: Exception) -> str:
    """The reason why there is no kernel, as half a sentence."""
    if isinstance(error, UnknownOperatorError):
        return f"the step has {error}, for which it has no C"
    return str(error)


def _run_whole(
    halves: bool, cell: Cell, inputs: Tensor, state: State, *masks: Tensor | None
) -> tuple[Tensor, State]:
    around = partial(project, bf16=halves), partial(override_linear, halves)
    return run_sequence(partial(_loop, halves), cell, inputs, state, *masks, *around)


def _loop(
    halves: bool,
    trace: Trace,
    weights: list[Tensor],
    projected: Float[Tensor, "T B G"],
    before: list[Tensor],
    start: list[Tensor],
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
) -> list[Tensor]:
    """As `around.Loop`, the products in bfloat16 on demand."""
    kernel = compiled(trace, halves)
    lengths = None if lengths is None else lengths.to(torch.int64).contiguous()
    resets = None if resets is None else resets.contiguous()
    tensors = (projected, *weights, *before, *start)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return list(_Recurrence.apply(kernel, lengths, resets, len(weights), len(before), *tensors))
    given = _given(kernel, projected, before, start, resets is None and lengths is None)
    return _results(kernel, kernel.call("plain", given, weights, *projected.shape[:2], lengths, resets))


def _given(
    kernel: Compiled,
    projected: Tensor,
    before: list[Tensor],
    start: list[Tensor],
    alike: bool,
) -> dict[str, Tensor]:
    """The arrays that go into a forward pass.

    Args:
        alike: whether all lanes go through all steps without a reset, so that the state before a step is the one
            after the step before; a value that is a part of the state then shares its memory.
    """
    given = {"projected": projected.contiguous()}
    for index, part in enumerate(before):
        history = buffer_pool.empty(len(projected) + 1, *part.shape, dtype=part.dtype)
        history[0] = part
        given[f"state{index}"] = history
    after = kernel.program.after
    for index, row in enumerate(kernel.program.values):
        if alike and row in after:
            given[f"value{index}"] = given[f"state{after.index(row)}"][1:]
    given.update({f"start{index}": part.contiguous() for index, part in enumerate(start)})
    return given


def _results(kernel: Compiled, found: dict[str, Tensor]) -> list[Tensor]:
    """The values of all steps and the state after the last one."""
    values = [found[f"value{index}"] for index in range(len(kernel.program.values))]
    return values + [found[f"state{index}"][-1].clone() for index in range(len(kernel.program.after))]


class _Recurrence(torch.autograd.Function):
    """(projected, weights, state before, state of a reset) -> (values of all steps, state after)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        kernel: Compiled,
        lengths: Tensor | None,
        resets: Tensor | None,
        weights: int,
        parts: int,
        projected: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        states = tensors[weights : weights + parts]
        start = list(tensors[weights + parts :])
        alike = resets is None and lengths is None
        given = _given(kernel, projected, list(states), start, alike)
        found = kernel.call("keeping", given, list(tensors[:weights]), *projected.shape[:2], lengths, resets)
        names = [name for name in found if name in kernel.saved]
        ctx.kernel, ctx.lengths, ctx.resets, ctx.names = kernel, lengths, resets, names
        ctx.weights, ctx.number = weights, next_run_number()
        ctx.start = bool(start)
        ctx.size = projected.shape[:2]
        ctx.sources = graph_placeholders(projected, *tensors[weights:])
        ctx.save_for_backward(*tensors[:weights], *(found[name] for name in names))
        return tuple(_results(kernel, found))

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # to be asked for once: a segment is made again for it
        with torch.no_grad():
            results = _Recurrence._backward(ctx, saved, gradients)
        return forbid_second_derivative(results, (*ctx.sources, *saved[: ctx.weights], *gradients))

    @staticmethod
    def _backward(
        ctx: FunctionCtx, saved: tuple[Tensor, ...], gradients: tuple[Tensor, ...]
    ) -> tuple[Tensor | None, ...]:
        kernel: Compiled = ctx.kernel
        weights, given = list(saved[: ctx.weights]), dict(zip(ctx.names, saved[ctx.weights :], strict=True))
        values = len(kernel.program.values)
        given.update({f"value_gradient{i}": g.contiguous() for i, g in enumerate(gradients[:values])})
        coming = gradients[values:]
        sides = ctx.size[0] + 1 if is_recording() else 2
        for index, gradient in enumerate(coming):
            going = given[f"gradient{index}"] = gradient.new_empty(sides, *gradient.shape)
            going[0] = gradient
            if ctx.start:
                given[f"start{index}"] = torch.zeros_like(gradient)
        found = kernel.call("backward", given, weights, *ctx.size, ctx.lengths, ctx.resets, sides)
        if is_recording():
            hidden = found["gradient0"][:-1].flip(0)
            read, state = kernel.program.values, kernel.program.after[0]
            outputs = gradients[read.index(state)] if state in read else None
            record(ctx.number, found["projected_gradient"], hidden, outputs, ctx.lengths)
        going = [found[f"gradient{index}"][ctx.size[0] % sides] for index in range(len(coming))]
        start = [found[f"start{index}"] for index in range(len(coming))] if ctx.start else []
        return (
            *(None, None, None, None, None, found["projected_gradient"]),
            *weight_gradients(kernel, found, weights, ctx.needs_input_grad[6:]),
            *going,
            *start,
        )
