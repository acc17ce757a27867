"""Second derivatives of a `torch.autograd.Function` whose backward pass runs without autograd.

A function y = f(x) with a backward pass of its own has the gradient g(x, ē) = (∂f/∂x)ᵀ ē. Under `create_graph=True`
that gradient is differentiated again, with respect to x and ē. Its numbers come from a kernel, so autograd sees no
operators that lead from x to it, and the result must either be given a derivative or refuse to have one.

`torch.autograd.function.once_differentiable` does neither safely: the node that raises leads to no source there, so
`torch.autograd.grad`, which visits only nodes on a path to the tensors it was asked for, passes it by and silently
leaves its part of the derivative out.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

Gradients = tuple[Tensor | None, ...]
"""Gradients with respect to several tensors, with None for each that has none."""
Differentiable = Callable[..., Gradients]
"""A function of tensors made of torch's differentiable operators."""

MESSAGE = (
    "the gradient of engine=fused has no derivative of its own; "
    "choose engine=reference for second derivatives, or engine=bptt"
)


def graph_placeholders(*tensors: Tensor) -> list[Tensor]:
    """An empty slice of each tensor that requires a gradient: its place in the graph without its memory."""
    with torch.enable_grad():
        return [torch.slice_copy(tensor, 0, 0, 0) for tensor in tensors if tensor.requires_grad]


def forbid_second_derivative(gradients: Gradients, sources: Sequence[Tensor]) -> Gradients:
    """Make a derivative of the gradients with respect to any of the sources raise a `RuntimeError`.

    Args:
        gradients: the result of a backward pass.
        sources: all tensors that they depend on: inputs of the function, or `graph_placeholders` of these, and
            incoming gradients.
    """
    if not torch.is_grad_enabled():
        return gradients
    refuse = torch._C._functions.DelayedError(MESSAGE.encode(), len(gradients) + len(sources))
    return tuple(refuse(*gradients, *sources)[: len(gradients)])


def with_second_derivative(
    gradients: Gradients, function: Differentiable, sources: Sequence[Tensor], constant: int = 0
) -> Gradients:
    """Give gradients the derivatives, of any order, of a function that computes the same from the sources.

    The function runs only when a derivative is asked for, so a first derivative under `create_graph=True` costs what
    it costs without.

    Args:
        gradients: the result of a backward pass.
        function: computes them from the sources.
        sources: all tensors that they depend on: inputs of the function and incoming gradients.
        constant: how many of the first sources are leaves that `function` reads by itself and not as arguments,
            such as the parameters of a module that it calls.
    """
    if not torch.is_grad_enabled():
        return gradients
    present = [index for index, gradient in enumerate(gradients) if gradient is not None]

    def present_gradients(*tensors: Tensor) -> Gradients:
        computed = function(*tensors)
        return tuple(computed[index] for index in present)

    values = [gradients[index].detach() for index in present]
    differentiable = iter(_Replayed.apply(present_gradients, values, constant, *sources))
    return tuple(None if gradient is None else next(differentiable) for gradient in gradients)


def vjp_function(function: Differentiable, count: int) -> Differentiable:
    """The vector-Jacobian product (x, ē) -> (∂f/∂x)ᵀ ē as a function of its own.

    Args:
        function: f, of `count` tensors; each is taken for a variable of its own, so none may be computed from another.
        count: the number of tensors x.

    Returns:
        a function that gives None for each tensor that requires no gradient.
    """

    def product(*tensors: Tensor) -> Gradients:
        variables, grad_out = tensors[:count], tensors[count:]
        with torch.enable_grad():
            results = function(*variables)
            return vector_jacobian_product(results, variables, grad_out, create_graph=True)

    return product


def vector_jacobian_product(
    results: Sequence[Tensor | None],
    variables: Sequence[Tensor],
    grad_out: Sequence[Tensor],
    create_graph: bool = False,
) -> Gradients:
    """The vector-Jacobian product (∂ results / ∂ variables)ᵀ grad_out by autograd.

    Args:
        results: computed from the variables with gradients enabled.
        variables: leaves of that graph.
        grad_out: the incoming gradient of each result.
        create_graph: whether the product can be differentiated again.
    """
    pairs = [(r, g) for r, g in zip(results, grad_out, strict=True) if r is not None and r.requires_grad]
    wanted = [variable for variable in variables if variable.requires_grad]
    if not pairs or not wanted:
        return (None,) * len(variables)
    depending, grad_out = map(list, zip(*pairs, strict=True))
    found = torch.autograd.grad(depending, wanted, grad_out, create_graph=create_graph, allow_unused=True)
    remaining = iter(found)
    return tuple(next(remaining) if variable.requires_grad else None for variable in variables)


class _Replayed(torch.autograd.Function):
    """f(x) from its known values, with the derivative of a function that computes f."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, function: Differentiable, values: list[Tensor], constant: int, *sources: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.function, ctx.constant = function, constant
        ctx.save_for_backward(*sources)
        return tuple(values)

    @staticmethod
    def backward(ctx: FunctionCtx, *grad_out: Tensor) -> Gradients:
        sources = ctx.saved_tensors
        product = vjp_function(ctx.function, len(sources))
        # Leaves of a graph of their own: a source that is computed from another one has no part in its derivative.
        copies = [
            tensor if index < ctx.constant else tensor.detach().requires_grad_(tensor.requires_grad)
            for index, tensor in enumerate((*sources, *grad_out))
        ]
        found = tuple(None if part is None else part.detach() for part in product(*copies))
        return None, None, None, *with_second_derivative(found, product, (*sources, *grad_out), ctx.constant)
