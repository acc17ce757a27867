"""Sequences from their other end, such as the other strand of DNA, whose predictions are averaged in."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.labelled.standardise import Standardiser
from throughtime.tree import length_mask


class Mirror(nn.Module):
    """x'_t = P x_(n+1-t): whole sequences from their last true step, with ids or features in another order.

    Args:
        order: the id, or the feature, that stands for each one.
        standardiser: of the features of the batches; that of one feature is undone before another takes its place.
    """

    def __init__(self, order: Sequence[int], standardiser: Standardiser) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor(order), persistent=False)
        for name in ("location", "scale"):
            array = getattr(standardiser, name)
            self.register_buffer(
                name, None if array is None else torch.from_numpy(array).float(), persistent=False
            )

    def forward(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Tensor:
        """Ids `[T, B]`, or features `[T, B, F]` that are not standardised, from the other end; padding is 0."""
        steps = torch.arange(inputs.shape[0], device=inputs.device)[:, None]
        places = (lengths - 1 - steps).clamp(min=0)
        running = length_mask(lengths, inputs.shape[0])
        if inputs.dim() == 2:
            safe = torch.where(running, inputs, 0)
            return torch.where(running, self.order[safe.gather(0, places)], 0)
        found = inputs.gather(0, places[..., None].expand_as(inputs))[..., self.order]
        return torch.where(running[..., None], found, 0)

    def batch(self, batch: Batch) -> Batch:
        """A batch of whole, standardised sequences from their other end, with the same targets."""
        inputs, lengths = batch.inputs, batch.lengths
        if lengths is None:
            lengths = torch.full((inputs.shape[1],), inputs.shape[0], device=inputs.device)
        if self.location is None:
            found = self(inputs, lengths)
        else:
            location, scale = self.location.to(inputs.dtype), self.scale.to(inputs.dtype)
            found = (self(inputs * scale + location, lengths) - location) / scale
        return batch._replace(chunk=batch.chunk._replace(inputs=found))
