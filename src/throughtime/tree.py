"""Carried states as trees of tensors: named tuples of cells, in tuples of layers.

A state is any nesting of tuples (named or not) with tensors as leaves. These functions are the only ones
that look inside.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

Tree = Any
"""A tensor, or a (named) tuple of trees."""


def map_state(function: Callable[..., Tensor], *states: Tree) -> Tree:
    """Apply `function` to the corresponding tensors of one or more states of the same shape of tree."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    leaves = [map_state(function, *parts) for parts in zip(*states, strict=True)]
    return type(first)(*leaves) if hasattr(first, "_fields") else tuple(leaves)


def leaves(state: Tree) -> list[Tensor]:
    """The tensors of a state, from left to right."""
    found: list[Tensor] = []
    map_state(lambda leaf: found.append(leaf) or leaf, state)
    return found


def from_leaves(tensors: Iterable[Tensor], like: Tree) -> Tree:
    """The inverse of `leaves`: a tree of the shape of `like`."""
    rest = iter(tensors)
    return map_state(lambda _: next(rest), like)


def detach(state: Tree) -> Tree:
    """The same state, cut from the graph that made it: here the gradient through time ends."""
    return map_state(lambda tensor: tensor.detach(), state)


def select(condition: Bool[Tensor, " B"], chosen: Tree, other: Tree) -> Tree:
    """Per lane, the state `chosen` where the condition holds and `other` elsewhere."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(condition.view(-1, *[1] * (a.dim() - 1)), a, b)

    return map_state(pick, chosen, other)


def to_plain(state: Tree) -> Tree:
    """The state as plain tuples of tensors, which a checkpoint may hold (it knows no classes)."""
    return state if isinstance(state, Tensor) else tuple(to_plain(part) for part in state)


def from_plain(plain: Tree, like: Tree) -> Tree:
    """The inverse of `to_plain`: the tensors of `plain` in the classes, and on the devices, of `like`."""
    return map_state(lambda tensor, example: tensor.to(example.device), _shaped(plain, like), like)


def _shaped(plain: Tree, like: Tree) -> Tree:
    if isinstance(like, Tensor):
        return plain
    parts = [_shaped(a, b) for a, b in zip(plain, like, strict=True)]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def length_mask(lengths: Int[Tensor, "B"], steps: int) -> Bool[Tensor, "T B"]:
    """True at the steps of each lane that lie before its length; T is `steps`."""
    return torch.arange(steps, device=lengths.device)[:, None] < lengths
