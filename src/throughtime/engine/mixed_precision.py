"""bf16 mixed precision without autocast: products in bfloat16, sums, functions and states in single precision.

Autocast would have a step round what is not multiplied too, and write the casts into its graph.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from throughtime.tree import Tree, map_state


@contextmanager
def replace_bf16_autocast() -> Iterator[bool]:
    """Disable autocast inside the block where it asks for bfloat16 on a CPU; yield whether it does."""
    if not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != torch.bfloat16:
        yield False
        return
    with torch.autocast("cpu", enabled=False):
        yield True


def to_float32(tree: Tree) -> Tree:
    """Convert the bfloat16 leaves of a tree to single precision; leave the others as they are."""
    return map_state(lambda part: part.float() if part.dtype == torch.bfloat16 else part, tree)
