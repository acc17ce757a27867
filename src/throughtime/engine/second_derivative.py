"""Derivatives of the gradients that a `torch.autograd.Function` computes without autograd.

A function y = f(x) with a backward pass of its own has the gradient g(x, ē) = (∂f/∂x)ᵀ ē. Under `create_graph=True`
that gradient is differentiated again, with respect to x and ē. Its numbers come from a kernel, so autograd sees no
operators that lead from x to it, and the result must either be given a derivative or refuse to have one.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx

Results = tuple[Tensor | None, ...]
Operators = Callable[..., Results]
"""A function of tensors made of torch's differentiable operators."""

SENTENCE = (
    "the gradient of engine=fused has no derivative of its own; "
    "choose engine=reference for second derivatives, or engine=bptt"
)


def graph_only(*tensors: Tensor) -> list[Tensor]:
    """An empty tensor derived from each one that requires a gradient: its place in the graph without its memory."""
    with torch.enable_grad():
        return [torch.slice_copy(tensor, 0, 0, 0) for tensor in tensors if tensor.requires_grad]


def undifferentiable(results: Results, sources: Sequence[Tensor]) -> Results:
    """The same gradients; a derivative of theirs with respect to any of the sources raises a `RuntimeError`.

    `torch.autograd.function.once_differentiable` is not enough: the node that raises leads to no source there, so
    `torch.autograd.grad`, which visits only nodes on a path to what it was asked for, passes it by and leaves the
    part of the derivative out without a word.

    Args:
        results: the gradients that a backward pass has found.
        sources: all that they depend on: inputs of the function, or `graph_only` of these, and incoming gradients.
    """
    if not torch.is_grad_enabled():
        return results
    refuse = torch._C._functions.DelayedError(SENTENCE.encode(), len(results) + len(sources))
    return tuple(refuse(*results, *sources)[: len(results)])


def differentiable_as(
    results: Results, operators: Operators, sources: Sequence[Tensor], constant: int = 0
) -> Results:
    """The same gradients, with the derivatives, of any order, of what `operators` computes from the sources.

    The operators run only when a derivative is asked for, so a first derivative under `create_graph=True` costs what
    it costs without.

    Args:
        results: the gradients that a backward pass has found, with None where there is none.
        operators: computes them from the sources.
        sources: all that they depend on: inputs of the function and incoming gradients.
        constant: how many of the first sources are leaves that `operators` reads by itself and not as arguments,
            such as the parameters of a module that it calls.
    """
    if not torch.is_grad_enabled():
        return results
    chosen = [index for index, result in enumerate(results) if result is not None]

    def found(*tensors: Tensor) -> Results:
        every = operators(*tensors)
        return tuple(every[index] for index in chosen)

    given = [results[index].detach() for index in chosen]
    differentiable = iter(_Replayed.apply(found, given, constant, *sources))
    return tuple(None if result is None else next(differentiable) for result in results)


def linear_gradients(
    rows: Float[Tensor, "*T I"], weight: Float[Tensor, "G I"], errors: Float[Tensor, "*T G"]
) -> tuple[Float[Tensor, "*T I"], Float[Tensor, "G I"], Float[Tensor, " G"]]:
    """(X, W, Δ) -> Δ W, Δᵀ X and Δᵀ 1, the gradients of X Wᵀ + b."""
    flat = errors.flatten(0, -2)
    return errors @ weight, flat.t() @ rows.flatten(0, -2), flat.sum(0)


def vector_jacobian(operators: Operators, count: int) -> Operators:
    """(x, ē) -> (∂f/∂x)ᵀ ē of a function f of `count` tensors, with None for each that requires no gradient.

    Each tensor given is taken for a variable of its own, so none may be computed from another.
    """

    def product(*tensors: Tensor) -> Results:
        variables, errors = tensors[:count], tensors[count:]
        with torch.enable_grad():
            results = operators(*variables)
            return pull_back(results, variables, errors, create_graph=True)

    return product


def pull_back(
    results: Sequence[Tensor | None],
    variables: Sequence[Tensor],
    errors: Sequence[Tensor],
    create_graph: bool = False,
) -> Results:
    """(∂ results / ∂ variables)ᵀ errors, with None for each variable that has no gradient."""
    pairs = [(r, e) for r, e in zip(results, errors, strict=True) if r is not None and r.requires_grad]
    wanted = [variable for variable in variables if variable.requires_grad]
    if not pairs or not wanted:
        return (None,) * len(variables)
    depending, errors = map(list, zip(*pairs, strict=True))
    found = iter(torch.autograd.grad(depending, wanted, errors, create_graph=create_graph, allow_unused=True))
    return tuple(next(found) if variable.requires_grad else None for variable in variables)


class _Replayed(torch.autograd.Function):
    """(x) -> f(x), known already, with the derivative of the operators that compute f."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, operators: Operators, results: list[Tensor], constant: int, *sources: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.operators, ctx.constant = operators, constant
        ctx.save_for_backward(*sources)
        return tuple(results)

    @staticmethod
    def backward(ctx: FunctionCtx, *errors: Tensor) -> Results:
        sources = ctx.saved_tensors
        product = vector_jacobian(ctx.operators, len(sources))
        # Leaves of a graph of their own: a source that is computed from another one has no part in its derivative.
        copies = [
            tensor if index < ctx.constant else tensor.detach().requires_grad_(tensor.requires_grad)
            for index, tensor in enumerate((*sources, *errors))
        ]
        found = tuple(None if part is None else part.detach() for part in product(*copies))
        return None, None, None, *differentiable_as(found, product, (*sources, *errors), ctx.constant)
