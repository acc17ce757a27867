"""The graph that a task exports: a function of tensors with named inputs, outputs and axes.

The letters of the axes are those of the whole project; each stands for a size that may differ from call to call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

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
