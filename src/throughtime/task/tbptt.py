"""Truncated backpropagation through time: the state carried between chunks, and the horizon of the gradient.

TBPTT(k1, k2) (Williams & Peng 1990): after every k1 steps (the chunk) the loss of those k1 steps is differentiated
through the last k2 >= k1 steps (the horizon). With k2 = k1 the state after a chunk is detached and carried to the
next. With k2 > k1 the state from before the last k2 - k1 steps is kept together with their inputs, and those steps
are run again:

    kept state s --[ older inputs: k2 - k1 steps ]--[ chunk: k1 steps, with the loss ]-->
                 |<------------------ gradient: k2 steps ------------------>|
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise, zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.data.batch import Chunk, LaneSelectable, concatenate
from throughtime.engine.recompute import in_segments, segments
from throughtime.errors import UserError
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.dropout import VariationalDropout
from throughtime.tree import Tree, detach, first_leaf, from_plain, leaves, map_state, to_plain

log = logging.getLogger(__name__)


class TruncatedBPTT:
    """The state that one stage (training, validation or test) carries from one chunk to the next.

    Args:
        horizon: k2, the steps through which the gradient goes back; None for the chunk itself (k2 = k1).
    """

    def __init__(self, horizon: int | None = None) -> None:
        self.horizon = horizon
        self.forget()

    def forget(self) -> None:
        """Drop the carried state; the next chunk starts anew."""
        self._state: Tree | None = None
        self._older: Chunk | None = None

    def is_finite(self) -> bool:
        """Whether the carried tensors have no NaN and no infinity."""
        carried = (self._state, None if self._older is None else self._older.inputs)
        return all(
            bool(leaf.isfinite().all()) for tree in carried if tree is not None for leaf in leaves(tree)
        )

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
        loss: Callable[[Tensor, slice], Tensor],
        parameters: Sequence[Tensor],
    ) -> Tensor:
        """Σ loss(features, steps) over segments of this chunk, in memory that grows with √T.

        Args:
            loss: of the features of some steps, given with the slice of the chunk's steps.
            parameters: all tensors whose gradient may be wanted.
        """
        window, cut = self._window(model, chunk)
        older = window.steps - chunk.steps

        def segment(start: int, stop: int, state: Tree, rows: Sequence[Tensor]) -> tuple[Tensor, Tree]:
            part = window.between(start, stop)
            features, after = model(part.inputs, state, part.lengths, part.resets)
            if stop <= older:
                return features.new_zeros(()), after
            return loss(features, slice(start - older, stop - older)), after

        def on_segment_end(step: int, state: Tree) -> None:
            if step == cut:
                self._state = detach(state)

        total, _ = in_segments(
            segment, segments(window.steps, (older, cut)), self._state, [], parameters, on_segment_end
        )
        self._older = window.between(cut, window.steps) if cut < window.steps else None
        return total

    def _window(self, model: nn.Module, chunk: Chunk) -> tuple[Chunk, int]:
        """The steps to run, and the number of them that lie before the next chunk's horizon."""
        lanes = chunk.batch_size
        if chunk.fresh or self._state is None:
            self._state, self._older = model.initial_state(lanes), None
        elif (carried := len(first_leaf(self._state))) != lanes:
            raise UserError(
                f"the state that is carried on is that of {carried} lanes, but the next chunk has {lanes}; resume "
                "with the data, data.batch_size and data.chunk_length of the run that made the checkpoint"
            )
        if self.horizon is None or isinstance(
            chunk.inputs, LaneSelectable
        ):  # which do not go on beyond a chunk
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
            else {
                "inputs": to_plain(self._older.inputs),
                "lengths": self._older.lengths,
                "resets": self._older.resets,
            }
        )
        return {"state": to_plain(self._state), "older": older}

    def load_state_dict(self, saved: dict[str, Any], model: nn.Module) -> None:
        """Restore a `state_dict`, on the model's device and in the classes of its states.

        Raises:
            UserError: it is not a state of this model, or its parts have different numbers of lanes.
        """
        self.forget()
        if not saved:
            return
        _check_saved(saved, model)
        batch_size = first_leaf(saved["state"]).shape[0]
        self._state = from_plain(saved["state"], like=model.initial_state(batch_size))
        if saved["older"] is not None:
            device = first_leaf(self._state).device
            inputs = map_state(lambda tensor: tensor.to(device), saved["older"]["inputs"])
            lengths, resets = (
                None if part is None else part.to(device)
                for part in (saved["older"]["lengths"], saved["older"]["resets"])
            )
            self._older = Chunk(inputs, lengths, resets, fresh=False)


def _check_saved(saved: dict[str, Any], model: nn.Module) -> None:
    """Raise `UserError` unless a saved state is one of the model, with older inputs of as many lanes."""
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
    lengths = saved["older"]["lengths"]
    if lengths is not None and (lengths.is_floating_point() or lengths.shape != (lanes,)):
        raise UserError(message.format(f"its older lengths are not those of {lanes} lanes"))
    if resets is not None and (resets.dtype != torch.bool or resets.shape != (len(older[0]), lanes)):
        raise UserError(message.format(f"its older resets are not those of {lanes} lanes"))


def _structure(tree: Tree) -> Any:
    """The nesting of a tree, without its tensors."""
    return None if isinstance(tree, Tensor) else [_structure(part) for part in tree]


def gather(shards: list[dict[str, Any]]) -> dict[str, Any]:
    """Join the carried states of all ranks into that of one process with all lanes (`throughtime.data.Batch.shard`)."""
    if len(shards) == 1 or not shards[0]:
        return shards[0]
    state = map_state(lambda *parts: _interleave(parts, 0), *(shard["state"] for shard in shards))
    older = [shard["older"] for shard in shards]
    if older[0] is None:
        return {"state": state, "older": None}
    inputs = map_state(lambda *parts: _interleave(parts, 1), *(one["inputs"] for one in older))
    lengths = None if older[0]["lengths"] is None else _interleave([one["lengths"] for one in older], 0)
    resets = None if older[0]["resets"] is None else _interleave([one["resets"] for one in older], 1)
    return {"state": state, "older": {"inputs": inputs, "lengths": lengths, "resets": resets}}


def scatter(saved: dict[str, Any], rank: int, world_size: int) -> dict[str, Any]:
    """The lanes of one rank, of a state that `gather` joined from any number of ranks."""
    if world_size == 1 or not saved:
        return saved
    state = map_state(lambda tensor: tensor[rank::world_size], saved["state"])
    if saved["older"] is None:
        return {"state": state, "older": None}
    lengths, resets = saved["older"]["lengths"], saved["older"]["resets"]
    older = {
        "inputs": map_state(lambda tensor: tensor[:, rank::world_size], saved["older"]["inputs"]),
        "lengths": None if lengths is None else lengths[rank::world_size],
        "resets": None if resets is None else resets[:, rank::world_size],
    }
    return {"state": state, "older": older}


def _interleave(parts: Sequence[Tensor], axis: int) -> Tensor:
    """Interleave the lanes of all ranks: the first of each rank, then the second of each."""
    lanes = [
        lane
        for row in zip_longest(*(part.unbind(axis) for part in parts))
        for lane in row
        if lane is not None
    ]
    return torch.stack(lanes, axis)


def recomputes_model(model: nn.Module) -> bool:
    """Whether a whole model is recomputed in segments: `engine.recompute=true` asks for it, and no layer prevents it.

    Where one does, a warning says so once; each layer by itself is still recomputed in segments.
    """
    if not any(getattr(getattr(m, "engine", None), "recompute", False) for m in model.modules()):
        return False
    for module in model.modules():
        if isinstance(module, Bidirectional):
            _warn_once("a bidirectional layer needs a sequence to its end")
            return False
        if isinstance(module, VariationalDropout) and module.training and module.probability > 0:
            _warn_once("its variational dropout has one mask for all steps (model.layers.variational=true)")
            return False
    return True


@cache
def _warn_once(reason: str) -> None:
    log.warning("engine.recompute=true runs the layers, but not the whole model, in segments: %s", reason)
