"""Truncated backpropagation through time: which state a chunk starts from, and how far back its gradient goes.

TBPTT(k1, k2) (Williams & Peng 1990): after every k1 steps (the chunk) the loss of those k1 steps is differentiated
through the last k2 >= k1 steps (the horizon). With k2 = k1 the state after a chunk is detached and carried to the
next. With k2 > k1 the state from before the last k2 - k1 steps is kept together with their inputs, and those steps
are run again:

    kept state s --[ older inputs: k2 - k1 steps ]--[ chunk: k1 steps, with the loss ]-->
                 |<------------------ gradient: k2 steps ------------------>|
"""

from collections.abc import Callable, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.data.batch import Chunk, concatenate
from throughtime.engine.recompute import in_segments, segments
from throughtime.errors import UserError
from throughtime.tree import Tree, detach, from_plain, leaves, map_state, to_plain


class TruncatedBPTT:
    """What one stage (training, validation or test) carries from one chunk to the next.

    Args:
        horizon: k2, the steps through which the gradient goes back; None for the chunk itself (k2 = k1).
    """

    def __init__(self, horizon: int | None = None) -> None:
        self.horizon = horizon
        self.forget()

    def forget(self) -> None:
        """Carry nothing: the next batch must be a fresh one, and is treated as such."""
        self._state: Tree | None = None
        self._older: Chunk | None = None

    def is_finite(self) -> bool:
        """Whether no NaN and nothing infinite is carried on."""
        carried = (self._state, None if self._older is None else self._older.inputs)
        return all(tree is None or _is_finite(tree) for tree in carried)

    def run(self, model: nn.Module, chunk: Chunk) -> Tensor:
        """The model's features `[T, B, H]` of this chunk, starting from the state carried so far.

        Raises:
            UserError: the chunk goes on in another number of lanes than the state carried so far.
        """
        window, cut = self._window(model, chunk)
        steps, parts, state = window.steps, [], self._state
        for start, stop in pairwise(sorted({0, cut, steps})):
            part = window.between(start, stop)
            features, state = model(part.inputs, state, part.lengths, part.resets)
            parts.append(features)
            if stop == cut:
                self._state = detach(state)
        self._older = window.between(cut, steps) if cut < steps else None
        features = torch.cat(parts) if len(parts) > 1 else parts[0]
        return features[steps - chunk.steps :]

    def recomputed_loss(
        self,
        model: nn.Module,
        chunk: Chunk,
        measure: Callable[[Tensor, slice], Tensor],
        learned: Sequence[Tensor],
    ) -> Tensor:
        """Σ measure(features, steps) over segments of this chunk, in memory that grows with √T.

        Args:
            measure: of the features of some steps, which are told as a slice of the chunk's.
            learned: all whose gradient may be wanted.
        """
        window, cut = self._window(model, chunk)
        older = window.steps - chunk.steps

        def segment(start: int, stop: int, state: Tree, rows: Sequence[Tensor]) -> tuple[Tensor, Tree]:
            part = window.between(start, stop)
            features, after = model(part.inputs, state, part.lengths, part.resets)
            if stop <= older:
                return features.new_zeros(()), after
            return measure(features, slice(start - older, stop - older)), after

        def passing(step: int, state: Tree) -> None:
            if step == cut:
                self._state = detach(state)

        total, _ = in_segments(
            segment, segments(window.steps, (older, cut)), self._state, [], learned, passing
        )
        self._older = window.between(cut, window.steps) if cut < window.steps else None
        return total

    def _window(self, model: nn.Module, chunk: Chunk) -> tuple[Chunk, int]:
        """The steps to run, and how many of them are too old for the next chunk's gradient."""
        lanes = chunk.batch_size
        if chunk.fresh or self._state is None:
            self._state, self._older = model.initial_state(lanes), None
        elif (carried := len(_first(self._state))) != lanes:
            raise UserError(
                f"the state that is carried on is that of {carried} lanes, but the next chunk has {lanes}; resume "
                "with the data, data.batch_size and data.chunk_length of the run that made the checkpoint"
            )
        if self.horizon is None:
            return chunk, chunk.steps
        window = chunk if self._older is None else concatenate([self._older, chunk])
        return window, window.steps - min(window.steps, max(self.horizon - chunk.steps, 0))

    def state_dict(self) -> dict[str, Any]:
        """The carried state as tensors in plain containers; empty where nothing is carried."""
        if self._state is None:
            return {}
        older = (
            None
            if self._older is None
            else {"inputs": to_plain(self._older.inputs), "resets": self._older.resets}
        )
        return {"state": to_plain(self._state), "older": older}

    def load_state_dict(self, saved: dict[str, Any], model: nn.Module) -> None:
        """Take up what `state_dict` gave, on the model's device and in the classes of its states.

        Raises:
            UserError: it is not the state of this model, or its parts are of different numbers of lanes.
        """
        self.forget()
        if not saved:
            return
        _check_saved(saved, model)
        batch_size = _first(saved["state"]).shape[0]
        self._state = from_plain(saved["state"], like=model.initial_state(batch_size))
        if saved["older"] is not None:
            device = _first(self._state).device
            inputs = map_state(lambda tensor: tensor.to(device), saved["older"]["inputs"])
            resets = saved["older"]["resets"]
            resets = None if resets is None else resets.to(device)
            self._older = Chunk(inputs, resets=resets, fresh=False)


def _check_saved(saved: dict[str, Any], model: nn.Module) -> None:
    """Raise `UserError` unless what is saved is a state of the model, and older inputs are of as many lanes."""
    message = (
        "the carried state of the checkpoint is not one of this model: {}; resume from another checkpoint"
    )
    found = leaves(saved["state"])
    if not found or found[0].dim() == 0:
        raise UserError(message.format("it has no lanes"))
    lanes = len(found[0])
    like = model.initial_state(lanes)
    if _structure(saved["state"]) != _structure(like):
        raise UserError(message.format("it has other parts"))
    for part, example in zip(found, leaves(like), strict=True):
        if part.shape != example.shape or part.is_floating_point() != example.is_floating_point():
            stands = f"{part.dtype} {list(part.shape)} stands for {example.dtype} {list(example.shape)}"
            raise UserError(message.format(stands))
    if saved["older"] is None:
        return
    older, resets = leaves(saved["older"]["inputs"]), saved["older"]["resets"]
    if any(part.shape[:2] != (len(older[0]), lanes) for part in older):
        raise UserError(message.format(f"its older inputs are not those of {lanes} lanes"))
    if resets is not None and (resets.dtype != torch.bool or resets.shape != (len(older[0]), lanes)):
        raise UserError(message.format(f"its older resets are not those of {lanes} lanes"))


def _structure(tree: Tree) -> Any:
    """How many parts a tree has, and each of them."""
    return None if isinstance(tree, Tensor) else [_structure(part) for part in tree]


def gather(shares: list[dict[str, Any]]) -> dict[str, Any]:
    """What all ranks carry, as one process would that has all of their lanes (`throughtime.data.Batch.shard`)."""
    if len(shares) == 1 or not shares[0]:
        return shares[0]
    state = map_state(lambda *parts: _weave(parts, 0), *(share["state"] for share in shares))
    older = [share["older"] for share in shares]
    if older[0] is None:
        return {"state": state, "older": None}
    inputs = map_state(lambda *parts: _weave(parts, 1), *(one["inputs"] for one in older))
    marks = None if older[0]["resets"] is None else _weave([one["resets"] for one in older], 1)
    return {"state": state, "older": {"inputs": inputs, "resets": marks}}


def scatter(saved: dict[str, Any], rank: int, ranks: int) -> dict[str, Any]:
    """The share of one rank of what `gather` gave, whatever the number of ranks was then."""
    if ranks == 1 or not saved:
        return saved
    state = map_state(lambda tensor: tensor[rank::ranks], saved["state"])
    if saved["older"] is None:
        return {"state": state, "older": None}
    marks = saved["older"]["resets"]
    inputs = map_state(lambda tensor: tensor[:, rank::ranks], saved["older"]["inputs"])
    return {
        "state": state,
        "older": {"inputs": inputs, "resets": None if marks is None else marks[:, rank::ranks]},
    }


def _weave(parts: Sequence[Tensor], axis: int) -> Tensor:
    """The lanes of all ranks in their order: the first of each rank, then the second of each."""
    lanes = [
        lane
        for row in zip_longest(*(part.unbind(axis) for part in parts))
        for lane in row
        if lane is not None
    ]
    return torch.stack(lanes, axis)


def _first(tree: Tree) -> Tensor:
    return tree if isinstance(tree, Tensor) else _first(tree[0])


def _is_finite(tree: Tree) -> bool:
    return bool(tree.isfinite().all()) if isinstance(tree, Tensor) else all(map(_is_finite, tree))
