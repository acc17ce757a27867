"""`engine=reference`: the plain loop over time, whose numbers every other engine must give."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.delta_clip import clip_gradient
from throughtime.tree import length_mask, map_state, where_state


class Reference(Engine):
    """Run any cell by its three methods, step after step, differentiated by autograd."""

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        steps, lanes = inputs.shape[:2]
        if lengths is not None:
            running = length_mask(lengths, steps)
            # Padding may hold anything; a NaN times a gradient of 0 would still reach the weights.
            inputs = torch.where(running[..., None], inputs, 0)
            resets = None if resets is None else resets & running
        start = None if resets is None else cell.initial_state(lanes)

        outputs = []
        for t, projected in enumerate(cell.project(inputs)):
            if resets is not None:
                state = where_state(resets[t], start, state)
            output, after = cell.step(projected, self._clipped(state))
            if lengths is not None:
                output = torch.where(running[t, :, None], output, 0)
                after = where_state(running[t], after, state)
            outputs.append(output)
            state = after
        return torch.stack(outputs), state

    def _clipped(self, state: State) -> State:
        """The state before a step, through which the gradient goes back clipped."""
        clip = self.delta_clip
        if clip is None:
            return state
        return map_state(lambda part: clip_gradient(part, clip) if part.requires_grad else part, state)
