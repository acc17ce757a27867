"""Chunk and batch: T steps of B lanes for the model, and their targets for the loss."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from throughtime.tree import Tree, leaves, length_mask, map_state

Inputs = Any
"""Ids `[T, B]`, features `[T, B, I]`, or a named tuple of tensors of which the first is `[T, B, ...]`."""

Targets = Any
"""A tensor, a (named) tuple of tensors, or None where nothing is to be learned or measured."""

Self = TypeVar("Self")


@runtime_checkable
class LaneSelectable(Protocol):
    """Inputs with parts that are not `[T, B, ...]`: they select lanes themselves, and cannot be cut in time."""

    def lanes(self: Self, chosen: slice) -> Self:
        """The inputs of some of the lanes."""


@runtime_checkable
class TimeSelectable(Protocol):
    """Inputs with parts that are not `[T, B, ...]`, and that can be cut in time all the same."""

    def between(self: Self, start: int, stop: int) -> Self:
        """The inputs of the steps from `start` to before `stop`."""


class Chunk(NamedTuple):
    """The inputs of a model: T steps in B lanes, time-major.

    Attributes:
        inputs: `[T, B]` ids, `[T, B, I]` features, or a named tuple of tensors of which the first is `[T, B, ...]`.
            Where its parts are not all `[T, B, ...]`, its class defines `lanes(chosen)`.
        lengths: the true steps of each lane, where lanes differ.
        resets: true where the lane's state starts anew before that step (a new document inside a chunk).
        fresh: whether every lane starts anew with this chunk; otherwise it continues the chunk before.
    """

    inputs: Inputs
    lengths: Int[Tensor, " B"] | None = None
    resets: Bool[Tensor, "T B"] | None = None
    fresh: bool = True

    @property
    def steps(self) -> int:
        """T, of the first tensor of the inputs."""
        return leaves(self.inputs)[0].shape[0]

    @property
    def batch_size(self) -> int:
        """B, of the first tensor of the inputs."""
        return leaves(self.inputs)[0].shape[1]

    def lanes(self, chosen: slice) -> "Chunk":
        """The chunk of some of the lanes."""
        return self._replace(
            inputs=self.inputs.lanes(chosen)
            if isinstance(self.inputs, LaneSelectable)
            else select_lanes(self.inputs, chosen, axis=1),
            lengths=None if self.lengths is None else self.lengths[chosen],
            resets=None if self.resets is None else self.resets[:, chosen],
        )

    def between(self, start: int, stop: int) -> "Chunk":
        """The chunk of the steps from `start` to before `stop`; a lane that has ended before them has length 0.

        Raises:
            TypeError: the inputs have parts without steps, so that only all steps together have a meaning.
        """
        if (start, stop) == (0, self.steps):
            return self
        if isinstance(self.inputs, LaneSelectable) and not isinstance(self.inputs, TimeSelectable):
            raise TypeError(
                f"{type(self.inputs).__name__} cannot be cut in time: not all of its parts have steps"
            )
        return Chunk(
            inputs=self.inputs.between(start, stop)
            if isinstance(self.inputs, TimeSelectable)
            else map_state(lambda tensor: tensor[start:stop], self.inputs),
            lengths=None if self.lengths is None else (self.lengths - start).clamp(0, stop - start),
            resets=None if self.resets is None else self.resets[start:stop],
            fresh=self.fresh and start == 0,
        )


def concatenate(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of several that follow each other in time: the inverse of `Chunk.between`.

    A lane that ends within a chunk must have no steps in the chunks after it.
    """
    lengths = resets = None
    if any(chunk.lengths is not None for chunk in chunks):
        known = next(chunk.lengths for chunk in chunks if chunk.lengths is not None)
        full = (torch.full_like(known, chunk.steps) for chunk in chunks)
        given = (chunk.lengths for chunk in chunks)
        lengths = sum(whole if own is None else own for whole, own in zip(full, given, strict=True))
    if any(chunk.resets is not None for chunk in chunks):
        resets = torch.cat([_resets(chunk) for chunk in chunks])
    inputs = map_state(lambda *parts: torch.cat(parts), *(chunk.inputs for chunk in chunks))
    return Chunk(inputs, lengths, resets, chunks[0].fresh)


def _resets(chunk: Chunk) -> Bool[Tensor, "T B"]:
    if chunk.resets is not None:
        return chunk.resets
    device = leaves(chunk.inputs)[0].device
    return torch.zeros(chunk.steps, chunk.batch_size, dtype=torch.bool, device=device)


class Batch(NamedTuple):
    """A chunk with its targets.

    Targets of each step are `[T, B, ...]` (`lane_axis=1`), targets of each sequence `[B, ...]` (`lane_axis=0`): a
    class, or labels `[B, U]` of ragged length with a mask of those that exist. They may be a (named) tuple of tensors.

    Attributes:
        chunk: the inputs of the model.
        targets: a tensor or a (named) tuple of tensors; None in inference.
        mask: which targets count, where the chunk's lengths are not enough (missing values, ragged labels).
        lane_axis: the axis of lanes in every tensor of targets and in the mask.
    """

    chunk: Chunk
    targets: Targets
    mask: Bool[Tensor, "..."] | None = None
    lane_axis: int = 1

    @property
    def inputs(self) -> Inputs:
        """The chunk's inputs."""
        return self.chunk.inputs

    @property
    def lengths(self) -> Int[Tensor, " B"] | None:
        """The chunk's lengths."""
        return self.chunk.lengths

    @property
    def resets(self) -> Bool[Tensor, "T B"] | None:
        """The chunk's reset marks."""
        return self.chunk.resets

    @property
    def fresh(self) -> bool:
        """Whether every lane starts anew with the chunk."""
        return self.chunk.fresh

    def target_mask(self) -> Bool[Tensor, "..."] | None:
        """The mask of targets that count; None where all do.

        The mask where one is given; else, of targets of each step, the steps before each lane's length `[T, B]`.
        """
        if self.mask is not None or self.lengths is None or self.lane_axis == 0:
            return self.mask
        return length_mask(self.lengths, self.chunk.steps)

    def count(self) -> int:
        """The number of targets that count, of the first tensor where there are several; 0 without targets."""
        mask = self.target_mask()
        if mask is not None:
            return int(mask.sum())
        return 0 if self.targets is None else leaves(self.targets)[0].numel()

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device: itself where its inputs are there, as all of its parts are on one device.

        Lightning calls this, and would else look through every part at every step.
        """
        if leaves(self.inputs)[0].device == device:
            return self

        def moved(part: Any) -> Any:
            if isinstance(part, Tensor):
                return part.to(device, non_blocking=device.type != "cpu")
            if isinstance(part, tuple):
                return type(part)(*map(moved, part)) if hasattr(part, "_fields") else tuple(map(moved, part))
            return part

        return moved(self)

    def shard(self, rank: int, world_size: int) -> "Batch":
        """Strided sharding: rank r of W takes lanes r, r + W, r + 2 W, …

        Loaders order lanes by length, so that strides give all ranks about as much work. A rank that has no lane of
        its own, where there are fewer lanes than ranks, takes the first lane with a mask in which nothing counts:
        every rank takes part in every batch, and none waits for another.
        """
        if world_size == 1:
            return self
        idle = rank >= self.chunk.batch_size
        chosen = slice(0, 1) if idle else slice(rank, None, world_size)
        mask = self.mask
        if idle and mask is None:
            mask = self.target_mask()
        if idle and mask is None and self.targets is not None:
            mask = torch.zeros_like(leaves(self.targets)[0], dtype=torch.bool)
        if mask is not None:
            mask = select_lanes(mask, chosen, self.lane_axis)
            mask = torch.zeros_like(mask) if idle else mask
        targets = None if self.targets is None else select_lanes(self.targets, chosen, self.lane_axis)
        return Batch(self.chunk.lanes(chosen), targets, mask, self.lane_axis)


def select_lanes(tree: Tree, chosen: slice, axis: int) -> Tree:
    """The chosen lanes of every tensor of a tree; `axis` is that of the lanes."""
    return map_state(lambda tensor: tensor[(slice(None),) * axis + (chosen,)], tree)
