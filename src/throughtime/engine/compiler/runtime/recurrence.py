"""Recurrence of a compiled kernel on tensors, differentiable: one autograd function for all steps.

The backward pass computes the gradients of states and projected inputs step by step; the gradient of each weight is
then one matrix product over all steps, as in `engine=bptt`.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.engine.buffer_pool import buffer_pool
from throughtime.engine.compiler.runtime.gemm import outer_products
from throughtime.engine.compiler.runtime.kernel import CompiledKernel
from throughtime.engine.compiler.schedule.arrays import ArraySlice
from throughtime.engine.gradient_records import is_recording, next_run_number, record
from throughtime.engine.second_derivative import forbid_second_derivative, graph_placeholders


def run_recurrence(
    kernel: CompiledKernel,
    weights: list[Tensor],
    projected: Float[Tensor, "T B G"],
    state: list[Tensor],
    initial: list[Tensor],
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
) -> list[Tensor]:
    """Run a kernel over all steps, differentiably.

    Args:
        kernel: the kernel of the trace.
        weights: the weights of the trace.
        projected: the projected inputs.
        state: the parts of the state before the first step.
        initial: the parts of the state after a reset; none without resets.
        lengths: the true steps of each lane; from there on its state stays and its values are 0.
        resets: the steps before which a lane's state is replaced.

    Returns:
        the values of all steps, and the parts of the state after the last one.
    """
    lengths = None if lengths is None else lengths.to(torch.int64).contiguous()
    resets = None if resets is None else resets.contiguous()
    tensors = (projected, *weights, *state, *initial)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return list(_Recurrence.apply(kernel, lengths, resets, len(weights), len(state), *tensors))
    arrays = _forward_arrays(kernel, projected, state, initial, resets is None and lengths is None)
    arrays = kernel.call("forward_inference", arrays, weights, *projected.shape[:2], lengths, resets)
    return _results(kernel, arrays)


def _forward_arrays(
    kernel: CompiledKernel,
    projected: Tensor,
    state: list[Tensor],
    initial: list[Tensor],
    share_values: bool,
) -> dict[str, Tensor]:
    """The arrays that a forward pass is given.

    Args:
        kernel: the kernel.
        projected: the projected inputs.
        state: the parts of the state before the first step.
        initial: the parts of the state after a reset.
        share_values: whether a value that is a part of the state shares its memory. That takes that no lane ends early
            or is reset, so that the state before a step is the one after the step before.
    """
    arrays = {"projected": projected.contiguous()}
    for index, part in enumerate(state):
        history = buffer_pool.empty(len(projected) + 1, *part.shape, dtype=part.dtype)
        history[0] = part
        arrays[f"state{index}"] = history
    next_state = kernel.program.next_state
    for index, row in enumerate(kernel.program.values):
        if share_values and row in next_state:
            arrays[f"value{index}"] = arrays[f"state{next_state.index(row)}"][1:]
    arrays.update({f"initial{index}": part.contiguous() for index, part in enumerate(initial)})
    return arrays


def _results(kernel: CompiledKernel, arrays: dict[str, Tensor]) -> list[Tensor]:
    """The values of all steps, and the parts of the state after the last one."""
    values = [arrays[f"value{index}"] for index in range(len(kernel.program.values))]
    parts = range(len(kernel.program.next_state))
    return values + [arrays[f"state{index}"][-1].clone() for index in parts]


class _Recurrence(torch.autograd.Function):
    """(projected, weights, state, initial state) -> (values of all steps, state after the last step)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        kernel: CompiledKernel,
        lengths: Tensor | None,
        resets: Tensor | None,
        weight_count: int,
        state_count: int,
        projected: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        weights, states = list(tensors[:weight_count]), tensors[weight_count:]
        state, initial = list(states[:state_count]), list(states[state_count:])
        size = projected.shape[:2]
        arrays = _forward_arrays(kernel, projected, state, initial, resets is None and lengths is None)
        arrays = kernel.call("forward_training", arrays, weights, *size, lengths, resets)
        names = [name for name in arrays if name in kernel.needed_for_gradient]
        ctx.kernel, ctx.lengths, ctx.resets, ctx.names = kernel, lengths, resets, names
        ctx.weight_count, ctx.has_initial, ctx.size, ctx.number = (
            weight_count,
            bool(initial),
            size,
            next_run_number(),
        )
        ctx.sources = graph_placeholders(projected, *states)
        ctx.save_for_backward(*weights, *(arrays[name] for name in names))
        return tuple(_results(kernel, arrays))

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # read once only: under recomputation each read runs the segment again
        with torch.no_grad():
            results = _Recurrence._backward(ctx, saved, gradients)
        return forbid_second_derivative(results, (*ctx.sources, *saved[: ctx.weight_count], *gradients))

    @staticmethod
    def _backward(
        ctx: FunctionCtx, saved: tuple[Tensor, ...], gradients: tuple[Tensor, ...]
    ) -> tuple[Tensor | None, ...]:
        kernel: CompiledKernel = ctx.kernel
        weights = list(saved[: ctx.weight_count])
        arrays = dict(zip(ctx.names, saved[ctx.weight_count :], strict=True))
        value_count = len(kernel.program.values)
        grad_values, grad_state = gradients[:value_count], gradients[value_count:]
        arrays.update({f"grad_value{i}": gradient.contiguous() for i, gradient in enumerate(grad_values)})
        buffers = ctx.size[0] + 1 if is_recording() else 2
        for index, gradient in enumerate(grad_state):
            buffer = arrays[f"grad_state{index}"] = gradient.new_empty(buffers, *gradient.shape)
            buffer[0] = gradient
            if ctx.has_initial:
                arrays[f"initial{index}"] = torch.zeros_like(gradient)
        arrays = kernel.call("backward", arrays, weights, *ctx.size, ctx.lengths, ctx.resets, buffers)
        if is_recording():
            hidden = arrays["grad_state0"][:-1].flip(0)
            values, state = kernel.program.values, kernel.program.next_state[0]
            outputs = grad_values[values.index(state)] if state in values else None
            record(ctx.number, arrays["grad_projected"], hidden, outputs, ctx.lengths)
        last = ctx.size[0] % buffers
        parts = range(len(grad_state))
        return (
            *(None, None, None, None, None, arrays["grad_projected"]),
            *weight_gradients(kernel, arrays, weights, ctx.needs_input_grad[6:]),
            *(arrays[f"grad_state{index}"][last] for index in parts),
            *(arrays[f"initial{index}"] for index in parts if ctx.has_initial),
        )


def weight_gradients(
    kernel: CompiledKernel, arrays: dict[str, Tensor], weights: list[Tensor], needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """Gradients of the weights after the backward pass.

    Args:
        kernel: the kernel.
        arrays: the arrays of the forward and the backward pass, by name.
        weights: the weights of the trace.
        needed: whether the gradient of each is needed; the others are None.
    """
    gradients: list[Tensor | None] = []
    for index, weight in enumerate(weights):
        pairs, array = kernel.schedules.outer_operands[index], kernel.schedules.grad_sums[index]
        gradient = None
        for left, right in pairs if needed[index] else ():
            product = _outer_products(_all_rows(arrays, left), _all_rows(arrays, right), weight, kernel.bf16)
            gradient = product if gradient is None else gradient.add_(product)
        if needed[index] and array is not None:
            gradient = arrays[array.name].sum(0).view(weight.shape)
        gradients.append(gradient)
    return gradients


def _outer_products(left: Tensor, right: Tensor, weight: Tensor, bf16: bool) -> Tensor:
    """leftᵀ right with the strides of the weight, so that an optimiser need not transpose it."""
    if weight.stride(0) < weight.stride(1):
        return outer_products(right, left, bf16=bf16)[0].t()
    return outer_products(left, right, bf16=bf16)[0]


def _all_rows(arrays: dict[str, Tensor], operand: ArraySlice) -> Tensor:
    """An array of all steps as a matrix `[T·B, n]`; of a state, the rows before each step."""
    array = arrays[operand.array.name]
    return (array[:-1] if operand.array.layout == "state" else array).flatten(0, 1)
