"""Dynamics of a cell along a sequence: Jacobians of its step, singular values of their products, Lyapunov exponents.

With s_t the whole state of one lane as a vector of D real numbers (the real and imaginary parts of a complex one),

    J_t = ∂s_{t+1}/∂s_t  [D, D],      P_n = J_{t+n-1} ⋯ J_{t+1} J_t.

The singular values of P_n say by how much n steps stretch or shrink a change of the state, and so the gradient that
goes back through them. The Lyapunov exponents λ_1 ≥ λ_2 ≥ … are the mean logarithms of that factor a step, in nats, of
1, 2, … directions (Benettin, Galgani, Giorgilli & Strelcyn 1980, Meccanica 15:9, by QR decompositions; of recurrent
networks Engelken, Wolf & Abbott 2023, Physical Review Research 5:043044).
"""

import copy
from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.tree import leaves, unflatten

STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The lengths n of products whose singular values `singular_values` gives."""


def flat_state(state: State) -> Float[Tensor, "B D"]:
    """The floating-point parts of a state as one vector a lane."""
    parts = [torch.view_as_real(part) if part.is_complex() else part for part in _moving(state)]
    return torch.cat([part.flatten(1) for part in parts], 1)


def unflat_state(vectors: Float[Tensor, "B D"], like: State) -> State:
    """The inverse of `flat_state`; parts that are no numbers of floating point are those of `like`."""
    parts, start = [], 0
    for part in leaves(like):
        if not (part.is_floating_point() or part.is_complex()):
            parts.append(part)
            continue
        shape = torch.view_as_real(part).shape if part.is_complex() else part.shape
        stop = start + shape[1:].numel()
        own = vectors[:, start:stop].reshape(len(vectors), *shape[1:])
        parts.append(torch.view_as_complex(own.contiguous()) if part.is_complex() else own)
        start = stop
    return unflatten(parts, like)


def _moving(state: State) -> list[Tensor]:
    return [part for part in leaves(state) if part.is_floating_point() or part.is_complex()]


def step_jacobian(
    cell: Cell, projected: Float[Tensor, "B G"], state: State
) -> tuple[Float[Tensor, "B D D"], State]:
    """J = ∂s_{t+1}/∂s_t of each lane, by vectorised reverse-mode differentiation of `cell.step`; and the state after.

    Args:
        cell: any cell whose step can be differentiated; its lanes do not depend on each other.
        projected: of this step.
        state: before it.
    """
    with torch.enable_grad():
        before = flat_state(state).detach().requires_grad_()
        _, new = cell.step(projected.detach(), unflat_state(before, state))
        after = flat_state(new)
        size = after.shape[1]
        if not after.requires_grad:
            return after.new_zeros(len(after), size, size), new
        directions = torch.eye(size, dtype=after.dtype, device=after.device)
        directions = directions[:, None].expand(size, *after.shape)
        (rows,) = torch.autograd.grad(
            after, before, directions, is_grads_batched=True, allow_unused=True, materialize_grads=True
        )
    return rows.transpose(0, 1), unflat_state(after.detach(), new)


def jacobians(cell: Cell, inputs: Float[Tensor, "T B I"], state: State) -> Iterator[Float[Tensor, "B D D"]]:
    """J_t of all steps of a sequence, one after another, in double precision.

    Args:
        cell: the recurrence; a copy of it in evaluation mode is run.
        inputs: the sequence.
        state: before the first step.
    """
    exact = copy.deepcopy(cell).double().eval()
    with torch.no_grad():
        projected = exact.project(inputs.detach().double())
    now = unflatten([part.to(_double(part)) for part in leaves(state)], state)
    for row in projected:
        jacobian, now = step_jacobian(exact, row, now)
        yield jacobian


def _double(part: Tensor) -> torch.dtype:
    if part.is_complex():
        return torch.complex128
    return torch.float64 if part.is_floating_point() else part.dtype


def singular_values(
    steps: Iterable[Float[Tensor, "B D D"]], lengths: tuple[int, ...] = STEPS, windows: int = 4
) -> dict[int, Float[Tensor, "N D"]]:
    """ln σ_1 ≥ ln σ_2 ≥ … of the products over n steps, for every length n that the sequence holds.

    The windows of a length do not overlap, and begin at the first step. A product of 2 n steps is that of two
    neighbouring products of n, so that no more than log2 T of them are held at a time. Each is divided by its norm,
    whose logarithm is kept beside it: no product overflows. Of the smaller values, those below 1e-16 of the largest are
    rounding errors.

    Args:
        steps: the Jacobians, in order.
        lengths: n, powers of two.
        windows: the most windows of one length.

    Returns:
        for each n the values of all windows and lanes, N of them.
    """
    found: dict[int, list[Tensor]] = {}
    waiting: dict[int, tuple[Tensor, Tensor]] = {}
    for jacobian in steps:
        length, product, scale = 1, *_scaled(jacobian, jacobian.new_zeros(len(jacobian)))
        while True:
            known = found.setdefault(length, [])
            if length in lengths and len(known) < windows:
                tiny = torch.finfo(product.dtype).tiny
                known.append(torch.linalg.svdvals(product).clamp(min=tiny).log() + scale[:, None])
            if length not in waiting:
                if length < max(lengths):
                    waiting[length] = product, scale
                break
            earlier, earlier_scale = waiting.pop(length)
            product, scale = _scaled(product @ earlier, scale + earlier_scale)
            length *= 2
    return {length: torch.cat(values) for length, values in found.items() if values}


def _scaled(product: Float[Tensor, "B D D"], scale: Float[Tensor, " B"]) -> tuple[Tensor, Tensor]:
    norm = torch.linalg.matrix_norm(product)
    norm = torch.where((norm > 0) & norm.isfinite(), norm, 1)
    return product / norm[:, None, None], scale + norm.log()


def lyapunov_spectrum(
    steps: Iterable[Float[Tensor, "B D D"]], count: int | None = None, transient: int = 0
) -> Float[Tensor, "B n"]:
    """λ_1 ≥ … ≥ λ_n in nats a step, by the QR method.

    With Q_0 random and orthonormal, J_t Q_{t-1} = Q_t R_t and λ_i = mean over t of ln |(R_t)_ii|.

    Args:
        steps: the Jacobians, in order.
        count: n; None for all D.
        transient: the first steps, in which Q turns towards the directions that grow most, and which do not count.

    Raises:
        ValueError: there is no step after the transient.
    """
    basis, total, counted = None, None, 0
    for t, jacobian in enumerate(steps):
        if basis is None:
            basis = random_basis(jacobian[..., 0], count)
        basis, triangle = torch.linalg.qr(jacobian @ basis)
        if t < transient:
            continue
        growth = triangle.diagonal(dim1=-2, dim2=-1).abs().clamp(min=torch.finfo(triangle.dtype).tiny).log()
        total = growth if total is None else total + growth
        counted += 1
    if total is None:
        raise ValueError(f"the sequence has no step after the first {transient}")
    return (total / counted).sort(-1, descending=True).values


def random_basis(like: Float[Tensor, "B D"], count: int | None) -> Float[Tensor, "B D n"]:
    """The same n random orthonormal directions for each lane; n = D for None."""
    size = like.shape[-1]
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(size, min(count or size, size), generator=generator, dtype=torch.float64)
    return torch.linalg.qr(draws.to(like))[0].expand(len(like), -1, -1)


def unit_memory(jacobian_mean: Float[Tensor, "B D D"]) -> Float[Tensor, " D"]:
    """The time constant of each number of the state, -1 / ln |∂s_{i,t+1}/∂s_{i,t}| in steps; of the mean derivative.

    For the memory of an LSTM that derivative is its forget gate, for a gated unit the part that the gate keeps.
    Infinite where it does not fall.

    Args:
        jacobian_mean: the mean of J_t over the steps.
    """
    kept = jacobian_mean.diagonal(dim1=-2, dim2=-1).mean(0).abs()
    return torch.where(kept < 1, -1 / kept.clamp(min=1e-300).log(), torch.inf)
