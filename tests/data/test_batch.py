"""Batches: masks and counts, sharding to ranks, cutting in time."""

from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from throughtime.data.batch import Batch, Chunk, concatenate
from throughtime.data.window import Window
from throughtime.data.word_inputs import WordInputs
from throughtime.tree import leaves

STEPS = torch.zeros(3, 2, dtype=torch.int64)
KINDS = ("each step", "each step, vectors", "each sequence", "ragged", "tree", "none")
MASKS = ("all", "lengths", "mask")


class Pair(NamedTuple):
    """Inputs of two parts, each with a value a step."""

    ids: Tensor
    features: Tensor


def test_all_targets_count_where_nothing_else_is_said():
    batch = Batch(Chunk(STEPS), STEPS)
    assert batch.target_mask() is None and batch.count() == 6


def test_targets_count_before_each_lane_ends():
    batch = Batch(Chunk(STEPS, lengths=torch.tensor([3, 1])), STEPS)
    assert batch.target_mask().tolist() == [[True, True], [True, False], [True, False]]
    assert batch.count() == 4


def test_a_mask_goes_before_lengths():
    mask = torch.tensor([[True, False]] * 3)
    batch = Batch(Chunk(STEPS, lengths=torch.tensor([3, 1])), STEPS, mask)
    assert batch.target_mask() is mask and batch.count() == 3


def test_lengths_mask_no_target_of_a_whole_sequence():
    batch = Batch(Chunk(STEPS, lengths=torch.tensor([3, 1])), torch.zeros(2), lane_axis=0)
    assert batch.target_mask() is None and batch.count() == 2


def test_without_targets_nothing_counts():
    assert Batch(Chunk(STEPS), None).count() == 0


def test_steps_and_lanes_are_those_of_the_first_part_of_the_inputs():
    windows = window_of(4)
    for inputs in (
        STEPS,
        STEPS[..., None],
        Pair(STEPS, STEPS),
        windows._replace(history=torch.zeros(3, 2, 5)),
    ):
        assert (Chunk(inputs).steps, Chunk(inputs).batch_size) == (3, 2)


def window_of(lanes: int) -> Window:
    """Windows of 3 steps of history and 2 to forecast; every value is its lane's number."""
    lane = torch.arange(lanes)
    number = lane[None, :, None].float()
    whole = number.expand(5, -1, 1)
    return Window(number.expand(3, -1, 2), whole, lane, lane, whole, lane[:, None].float())


def words_of(lanes: int) -> WordInputs:
    """Sentences of 3 words; all words of a lane are the same, and its only letter is the lane's number + 2."""
    ids = torch.arange(lanes).expand(3, -1)
    letters = torch.arange(lanes)[None] + 2
    return WordInputs(ids, ids, letters, torch.ones(lanes, dtype=torch.int64), ids >= 0, ids)


def chunk_of(kind: str, lanes: int, lengths: bool) -> Chunk:
    """A chunk of 3 steps whose inputs are, or hold, the numbers of the lanes."""
    ids = torch.arange(lanes).expand(3, -1)
    inputs = {"ids": ids, "pair": Pair(ids, ids[..., None].double()), "window": window_of, "words": words_of}[
        kind
    ]
    if kind in ("window", "words"):
        inputs = inputs(lanes)
    given = {"lengths": 1 + torch.arange(lanes) % 3, "resets": ids % 2 == 0} if lengths else {}
    return Chunk(inputs, **given, fresh=not lengths)


def targets_of(kind: str, lanes: int) -> tuple[Tensor | tuple[Tensor, ...] | None, int]:
    """Targets whose values are the numbers of the lanes, and the axis of lanes."""
    lane = torch.arange(lanes)
    steps = lane.expand(3, -1)
    return {
        "each step": (steps, 1),
        "each step, vectors": (steps[..., None].expand(-1, -1, 4), 1),
        "each sequence": (lane, 0),
        "ragged": ((lane[:, None].expand(-1, 5), 1 + lane % 5), 0),
        "tree": (Pair(steps, steps[..., None].double()), 1),
        "none": (None, 1),
    }[kind]


def batch_of(kind: str, mask: str, lanes: int, inputs: str) -> Batch:
    """A batch; a mask, where there is one, leaves out some targets of every kind."""
    targets, axis = targets_of(kind, lanes)
    chunk = chunk_of(inputs, lanes, lengths=mask == "lengths")
    if mask != "mask" or targets is None:
        return Batch(chunk, targets, None, axis)
    first = leaves(targets)[0]
    return Batch(chunk, targets, torch.arange(first.numel()).view(first.shape) % 3 > 0, axis)


def tensors_of(targets: Tensor | tuple[Tensor, ...] | None) -> list[Tensor]:
    """The tensors of targets; none of no targets."""
    return [] if targets is None else leaves(targets)


def lanes_in(batch: Batch) -> list[int]:
    """The numbers of a batch's lanes, as its inputs tell."""
    first = leaves(batch.inputs)[0]
    return (first if first.dim() == 2 else first[..., 0])[0].int().tolist()


@given(
    kind=st.sampled_from(KINDS),
    mask=st.sampled_from(MASKS),
    inputs=st.sampled_from(("ids", "pair", "window", "words")),
    lanes=st.integers(1, 7),
    world_size=st.integers(1, 5),
)
def test_shards_cover_every_lane_and_count_every_target_once(kind, mask, inputs, lanes, world_size):
    batch = batch_of(kind, mask, lanes, inputs)
    shards = [batch.shard(rank, world_size) for rank in range(world_size)]
    working, idle = shards[:lanes], shards[lanes:]
    assert sorted(lane for shard in working for lane in lanes_in(shard)) == list(range(lanes))
    assert sum(shard.count() for shard in shards) == batch.count()
    for rank, shard in enumerate(working):
        assert lanes_in(shard) == list(range(rank, lanes, world_size))
        for tensor in tensors_of(shard.targets)[:1]:
            own = tensor.movedim(shard.lane_axis, 0).flatten(1) if tensor.dim() > 1 else tensor[:, None]
            assert own[:, 0].tolist() == lanes_in(shard) and bool((own == own[:, :1]).all())
    for shard in shards:
        chosen = lanes_in(shard)
        assert shard.chunk.batch_size == len(chosen) >= 1 and shard.fresh == batch.fresh
        assert shard.lengths is None or torch.equal(shard.lengths, batch.lengths[chosen])
        assert shard.resets is None or torch.equal(shard.resets, batch.resets[:, chosen])
        assert all(len(part.unbind(shard.lane_axis)) == len(chosen) for part in tensors_of(shard.targets))
    assert all(shard.count() == 0 for shard in idle)
    assert all(shard.mask is not None or shard.targets is None for shard in idle)


@given(lanes=st.integers(1, 7), world_size=st.integers(1, 4))
def test_words_of_a_shard_keep_their_letters(lanes, world_size):
    for rank in range(min(world_size, lanes)):
        words = batch_of("each step", "all", lanes, "words").shard(rank, world_size).inputs
        letters = words.characters[0, words.spellings[0]]
        assert letters.tolist() == [lane + 2 for lane in range(rank, lanes, world_size)]


@given(
    inputs=st.sampled_from(("ids", "pair")),
    lengths=st.booleans(),
    lanes=st.integers(1, 4),
    cuts=st.sets(st.integers(1, 2)),
)
def test_a_chunk_cut_in_time_and_joined_is_the_whole(inputs, lengths, lanes, cuts):
    whole = chunk_of(inputs, lanes, lengths)
    ends = [0, *sorted(cuts), 3]
    parts = [whole.between(start, stop) for start, stop in pairwise(ends)]
    assert [part.steps for part in parts] == [stop - start for start, stop in pairwise(ends)]
    assert all(not part.fresh for part in parts[1:])
    joined = concatenate(parts)
    assert joined.fresh == whole.fresh and type(joined.inputs) is type(whole.inputs)
    for part, expected in zip(leaves(joined.inputs), leaves(whole.inputs), strict=True):
        assert torch.equal(part, expected)
    for part, expected in ((joined.lengths, whole.lengths), (joined.resets, whole.resets)):
        assert (part is None) == (expected is None) and (part is None or torch.equal(part, expected))


def test_marks_of_one_chunk_alone_are_those_of_its_steps():
    first, second = Chunk(STEPS), Chunk(STEPS, torch.tensor([3, 1]), STEPS == 0, fresh=False)
    joined = concatenate([first, second])
    assert joined.lengths.tolist() == [6, 4]
    assert not joined.resets[:3].any() and joined.resets[3:].all()


def test_inputs_with_parts_without_steps_are_not_cut_in_time():
    for inputs in (window_of(2), words_of(2)):
        assert Chunk(inputs).between(0, 3).inputs is inputs
        with pytest.raises(TypeError, match="cannot be cut in time"):
            Chunk(inputs).between(0, 2)


def test_a_batch_on_its_device_stays_as_it_is_and_moves_whole_to_another():
    mask, lengths = torch.ones(3, 2, dtype=torch.bool), torch.tensor([3, 1])
    chunk = Chunk(Pair(STEPS, torch.zeros(3, 2, 4)), lengths, mask, fresh=False)
    for targets, counted in ((STEPS, mask), ((STEPS, (STEPS, STEPS)), None), (None, None)):
        batch = Batch(chunk, targets, counted, lane_axis=1)
        assert batch.to(torch.device("cpu")) is batch
        moved = batch.to(torch.device("meta"))
        parts = [part for part in moved if part is not None and not isinstance(part, int)]
        tensors = leaves((*moved.chunk[:3], *parts[1:]))
        assert {tensor.device.type for tensor in tensors} == {"meta"}
        assert type(moved.inputs) is Pair and (moved.fresh, moved.lane_axis) == (False, 1)
        assert [part.shape for part in tensors[:4]] == [STEPS.shape, (3, 2, 4), (2,), (3, 2)]
