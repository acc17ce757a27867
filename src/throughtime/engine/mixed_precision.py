"""bf16 mixed precision without autocast: products in bfloat16, sums, functions and states in single precision.

Autocast would have a step round what is not multiplied too, and write the casts into its graph.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import Module

from throughtime.tree import Tree, map_state


@contextmanager
def replace_bf16_autocast(cell: Module) -> Iterator[bool]:
    """Disable autocast inside the block if it asks for bfloat16 on a CPU; yield whether it does.

    A cell whose parameters are in bfloat16 themselves has no single precision to stay in, and is left to autocast.
    """
    wanted = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    if not wanted or any(parameter.dtype == torch.bfloat16 for parameter in cell.parameters()):
        yield False
        return
    with torch.autocast("cpu", enabled=False):
        yield True


def to_float32(tree: Tree) -> Tree:
    """Convert the bfloat16 leaves of a tree to single precision; leave the others as they are."""
    return map_state(lambda part: part.float() if part.dtype == torch.bfloat16 else part, tree)
