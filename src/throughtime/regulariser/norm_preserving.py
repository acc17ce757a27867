"""The regulariser Ω, under which the gradient keeps its norm from step to step (Pascanu, Mikolov & Bengio 2013)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.diagnosis.dynamics import flat_state, unflat_state
from throughtime.engine.recorded_runs import RecordedRun
from throughtime.errors import UserError
from throughtime.regulariser.base import Regulariser
from throughtime.tree import leaves, length_mask, map_state, where_state

SMALLEST = 1e-30
"""Gradients of a smaller norm have no direction in single precision, and do not count."""


class NormPreserving(Regulariser):
    """Ω of equation (9) of Pascanu, Mikolov & Bengio (2013, ICML, arXiv 1211.5063):

        Ω = Σ_k ( ‖∂ℓ/∂x_{k+1} ∂x_{k+1}/∂x_k‖ / ‖∂ℓ/∂x_{k+1}‖ - 1 )²

    where x_k is the whole state of a cell before step k. It is the sum over steps and cells, and the mean over the
    sequences. As in the paper its gradient is that of ∂x_{k+1}/∂x_k with respect to the parameters alone: the states
    x_k, the inputs and ∂ℓ/∂x_{k+1} are constants.

    ∂ℓ/∂x_{k+1} is what comes from later steps, and from the output of step k where that is the first part of the state.
    A step costs one more backward pass of the model, and a forward and a backward pass of the plain loop.

    Args:
        weight, every_n_steps, until_step: as those of `Regulariser`.

    Raises:
        UserError: a number is not positive.
    """

    def penalty(self, runs: Sequence[RecordedRun], loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """Ω of all runs.

        Raises:
            UserError: the loss keeps no graph of the runs, as with recomputation.
        """
        total = loss.new_zeros(())
        for run, (outputs, after) in zip(runs, _gradients_of_results(runs, loss), strict=True):
            trajectory = state_gradients(run, outputs, after)
            total = total + norm_change(run, trajectory).square().sum() / run.inputs.shape[1]
        return total


class Trajectory(NamedTuple):
    """The states of a run with the gradients of the loss.

    Attributes:
        before: x_k, after a reset at that step.
        gradients: ∂ℓ/∂x_{k+1}.
        counted: whether step k is one of the lane's own, and its gradient has a direction.
    """

    before: Float[Tensor, "T B D"]
    gradients: Float[Tensor, "T B D"]
    counted: Bool[Tensor, "T B"]


def _gradients_of_results(runs: Sequence[RecordedRun], loss: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
    """∂ℓ/∂(outputs) and ∂ℓ/∂(state after) of each run."""
    results = [[run.outputs, *leaves(run.after)] for run in runs]
    if any(run.outputs.is_leaf for run in runs if any(p.requires_grad for p in run.cell.parameters())):
        raise UserError(
            "regulariser=norm_preserving needs the gradient of each step, which engine.recompute=true does not keep; "
            "set engine.recompute=false"
        )
    wanted = [tensor for own in results for tensor in own if tensor.requires_grad]
    found = iter(
        torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True, materialize_grads=True)
        if wanted
        else ()
    )
    gradients = [[next(found) if t.requires_grad else torch.zeros_like(t) for t in own] for own in results]
    return [(own[0], own[1:]) for own in gradients]


def state_gradients(run: RecordedRun, outputs: Float[Tensor, "T B O"], after: Sequence[Tensor]) -> Trajectory:
    """Run the plain loop once more and take the gradient of the loss with respect to the state after every step.

    Args:
        run: of a cell.
        outputs: the gradient of the loss with respect to its outputs.
        after: that with respect to the parts of its last state.
    """
    cell, resets = run.cell, run.resets
    steps, lanes = run.inputs.shape[:2]
    running = torch.ones(steps, lanes, dtype=torch.bool, device=run.inputs.device)
    if run.lengths is not None:
        running = length_mask(run.lengths, steps)
        resets = None if resets is None else resets & running
    inputs = torch.where(running[..., None], run.inputs.detach(), 0)
    state = map_state(lambda part: part.detach(), run.state)
    start = map_state(lambda part: part.detach(), cell.initial_state(lanes))
    before, states, results = [], [], []
    with torch.enable_grad():
        projected = cell.project(inputs).detach()
        for t, row in enumerate(projected):
            if resets is not None:
                state = where_state(resets[t], start, state)
            before.append(flat_state(state).detach())
            output, new = cell.step(row, state)
            is_state, vector = output is leaves(new)[0], flat_state(new)
            states.append(vector if vector.requires_grad else vector.detach().requires_grad_())
            new = unflat_state(states[-1], new)
            results.append(leaves(new)[0] if is_state else output)
            state = where_state(running[t], new, state)
        ends = [torch.stack(results), *leaves(state)]
        pairs = [
            (end, gradient.to(end.dtype))
            for end, gradient in zip(ends, [outputs * running[..., None], *after], strict=True)
            if end.requires_grad
        ]
        found = torch.autograd.grad(
            [end for end, _ in pairs], states, [gradient for _, gradient in pairs], materialize_grads=True
        )
    gradients = torch.stack(found)
    norms = torch.linalg.vector_norm(gradients, dim=-1)
    return Trajectory(torch.stack(before), gradients, running & (norms > SMALLEST) & norms.isfinite())


def norm_change(run: RecordedRun, trajectory: Trajectory) -> Float[Tensor, "T B"]:
    """‖∂ℓ/∂x_{k+1} ∂x_{k+1}/∂x_k‖ / ‖∂ℓ/∂x_{k+1}‖ - 1 of every step and lane; 0 where the step does not count.

    All steps are lanes of one call of `Cell.step`.

    Args:
        run: of a cell.
        trajectory: its states and gradients, which are constants.
    """
    before, gradients, counted = trajectory
    norms = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
    directions = torch.where(counted[..., None], gradients / norms, 0).flatten(0, 1)
    with torch.enable_grad():
        inputs = torch.where(counted[..., None], run.inputs.detach(), 0)
        projected = run.cell.project(inputs).flatten(0, 1)
        like = run.cell.initial_state(len(projected))
        vectors = before.flatten(0, 1).requires_grad_()
        _, after = run.cell.step(projected, unflat_state(vectors, like))
        (back,) = torch.autograd.grad(
            flat_state(after), vectors, directions, create_graph=True, materialize_grads=True
        )
        change = torch.linalg.vector_norm(back, dim=-1).view(counted.shape) - 1
    return torch.where(counted, change, 0)
