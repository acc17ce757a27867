"""Mixed precision by code that rounds by itself: products in bfloat16, sums, functions and state in single precision.

Autocast would have a step round what is not multiplied too, and write the casts into its graph.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from throughtime.tree import Tree, map_state


@contextmanager
def own_rounding() -> Iterator[bool]:
    """Autocast off where it asks for bfloat16 on a CPU; tells whether it does."""
    if not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != torch.bfloat16:
        yield False
        return
    with torch.autocast("cpu", enabled=False):
        yield True


def single(tree: Tree) -> Tree:
    """What is in bfloat16 in single precision."""
    return map_state(lambda part: part.float() if part.dtype == torch.bfloat16 else part, tree)
