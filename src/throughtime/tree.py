"""Trees of tensors: states of cells as named tuples in tuples of layers, and masks of their lanes.

A tree is any nesting of tuples (named or not) with tensors as leaves. These functions are the only ones
that look inside.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import SymInt, Tensor

Tree = Any
"""A tensor, or a (named) tuple of trees."""


def map_state(function: Callable[..., Tensor], *trees: Tree) -> Tree:
    """Apply `function` to the corresponding leaves of one or more trees of the same structure."""
    first = trees[0]
    if isinstance(first, Tensor):
        return function(*trees)
    parts = [map_state(function, *branches) for branches in zip(*trees, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def leaves(tree: Tree) -> list[Tensor]:
    """The tensors of a tree, from left to right."""
    return [tree] if isinstance(tree, Tensor) else [leaf for part in tree for leaf in leaves(part)]


def named_leaves(tree: Tree, name: str = "state") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a tree with their paths as names: `state_0_hidden` is `state[0].hidden`."""
    if isinstance(tree, Tensor):
        yield name, tree
        return
    for part, branch in zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True):
        yield from named_leaves(branch, f"{name}_{part}")


def first_leaf(tree: Tree) -> Tensor:
    """The leftmost tensor of a tree."""
    return tree if isinstance(tree, Tensor) else first_leaf(tree[0])


def unflatten(tensors: Iterable[Tensor], like: Tree) -> Tree:
    """The inverse of `leaves`: a tree of the structure of `like`."""
    remaining = iter(tensors)
    return map_state(lambda _: next(remaining), like)


def detach(tree: Tree) -> Tree:
    """Detach every leaf from the graph that computed it: here the gradient through time ends."""
    return map_state(lambda tensor: tensor.detach(), tree)


def where_state(condition: Bool[Tensor, " B"], chosen: Tree, other: Tree) -> Tree:
    """Per lane, the state `chosen` where the condition holds and `other` elsewhere."""
    return map_state(lambda a, b: torch.where(_broadcast(condition, a), a, b), chosen, other)


def _broadcast(condition: Bool[Tensor, " B"], tensor: Tensor) -> Tensor:
    return condition.view(-1, *[1] * (tensor.dim() - 1))


def length_mask(lengths: Int[Tensor, " B"], steps: int | SymInt) -> Bool[Tensor, "T B"]:
    """The mask of true steps: m[t, b] holds where t < lengths[b].

    Args:
        lengths: the true steps of each lane.
        steps: T; symbolic while a graph for any T is traced.
    """
    return torch.arange(steps, device=lengths.device)[:, None] < lengths


def to_plain(tree: Tree) -> Tree:
    """Convert to plain tuples of tensors, which a checkpoint may hold (it knows no classes)."""
    return tree if isinstance(tree, Tensor) else tuple(to_plain(part) for part in tree)


def from_plain(plain: Tree, like: Tree) -> Tree:
    """The inverse of `to_plain`: the tensors of `plain` in the classes, and on the devices, of `like`."""
    return map_state(lambda tensor, example: tensor.to(example.device), _restructured(plain, like), like)


def _restructured(plain: Tree, like: Tree) -> Tree:
    if isinstance(like, Tensor):
        return plain
    parts = [_restructured(a, b) for a, b in zip(plain, like, strict=True)]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
