"""The graph that a task exports: a function of tensors with named inputs, outputs and axes.

The letters of the axes are those of the whole project; each stands for a size that may differ from call to call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.tree import length_mask

Sizes = Mapping[str, int]
"""A size for each letter of the axes that may differ."""


@dataclass(frozen=True)
class ExportGraph:
    """A function of tensors that can be traced.

    Attributes:
        module: computes it, `module(*inputs) -> outputs`.
        axes: of each input, by its name, a letter for every axis whose size may differ and else its size.
        outputs: their names.
        example: makes inputs of given sizes, in their order.
        sizes: at which the export is checked; it is traced at the first ones.
    """

    module: nn.Module
    axes: dict[str, tuple[str | int, ...]]
    outputs: tuple[str, ...]
    example: Callable[[Sizes], tuple[Tensor, ...]]
    sizes: tuple[Sizes, ...]


class Standardise(nn.Module):
    """z = (x - mean) / deviation of padded sequences, as data standardise them; ids stay ids.

    Args:
        kind: `channel` by the given numbers, `sequence` by those of each sequence, `group` by those of all sequences of
            the batch, `none`.
        location, scale: mean and deviation, `[F]`; None but for `channel`.
    """

    def __init__(
        self,
        kind: str,
        location: Float[np.ndarray, " F"] | None = None,
        scale: Float[np.ndarray, " F"] | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        for name, array in (("location", location), ("scale", scale)):
            self.register_buffer(name, None if array is None else torch.from_numpy(array).float())

    def forward(
        self, inputs: Float[Tensor, "T B F"] | Int[Tensor, "T B"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "T B F"] | Int[Tensor, "T B"]:
        """The inputs `[T, B, F]` or ids `[T, B]`, of given true lengths."""
        if self.location is not None:
            return (inputs - self.location) / self.scale
        if self.kind not in ("sequence", "group") or not inputs.is_floating_point():
            return inputs
        running = length_mask(lengths, inputs.shape[0])[..., None]
        axes, steps = ((0,), lengths[:, None]) if self.kind == "sequence" else ((0, 1), lengths.sum())
        mean = torch.where(running, inputs, 0).sum(axes) / steps
        deviation = (torch.where(running, (inputs - mean) ** 2, 0).sum(axes) / steps).sqrt()
        return (inputs - mean) / torch.where(deviation > 1e-7 * mean.abs(), deviation, 1)
