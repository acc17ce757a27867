import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.lanes import Lanes
from throughtime.errors import UserError

SIZES = {"size": st.integers(2, 200), "lanes": st.integers(1, 9), "chunk": st.integers(1, 20)}


def read(loader: Lanes) -> list[tuple[list[int], list[int]]]:
    """The inputs and targets of each lane over one epoch."""
    streams = [([], []) for _ in range(loader.batch_size)]
    for batch in loader:
        lengths = (
            [len(batch.targets)] * loader.batch_size if batch.lengths is None else batch.lengths.tolist()
        )
        for lane, length in enumerate(lengths):
            streams[lane][0].extend(batch.inputs[:length, lane].tolist())
            streams[lane][1].extend(batch.targets[:length, lane].tolist())
    return streams


@settings(deadline=None)
@given(**SIZES, random_offset=st.booleans())
def test_every_id_but_the_first_is_a_target_once_an_epoch(size, lanes, chunk, random_offset):
    loader = Lanes(np.arange(size), lanes, chunk, random_offset=random_offset)
    for _ in range(2):
        streams = read(loader)
        assert sorted(target for _, targets in streams for target in targets) == list(range(1, size))
        assert all(b == a + 1 for inputs, targets in streams for a, b in zip(inputs, targets, strict=True))


@settings(deadline=None)
@given(**SIZES, random_offset=st.booleans())
def test_a_lane_goes_on_where_it_stopped_or_has_a_reset_mark(size, lanes, chunk, random_offset):
    loader = Lanes(np.arange(size), lanes, chunk, random_offset=random_offset)
    before = None
    for n, batch in enumerate(loader):
        assert batch.fresh == (n == 0)
        assert batch.inputs.dtype == batch.targets.dtype == torch.int64
        steps = batch.inputs if before is None else torch.cat([before[None], batch.inputs])
        jumps = steps[1:] != steps[:-1] + 1
        marks = torch.zeros_like(batch.inputs, dtype=torch.bool) if batch.resets is None else batch.resets
        mask = batch.target_mask()
        valid = torch.ones_like(marks) if mask is None else mask
        assert torch.equal(jumps & valid[-len(jumps) :], marks[-len(jumps) :]) if len(jumps) else True
        before = batch.inputs[-1]


@given(**SIZES)
def test_lanes_differ_by_a_step_at_most_and_the_length_is_known(size, lanes, chunk):
    loader = Lanes(np.arange(size), lanes, chunk)
    lengths = [len(targets) for _, targets in read(loader)]
    assert max(lengths) - min(lengths) <= 1
    assert len(list(loader)) == len(loader)


def test_a_lane_is_marked_where_a_document_begins_inside_an_epoch():
    loader = Lanes(np.arange(13), 2, 3, documents=[0, 4, 6, 10])
    batches = list(loader)
    assert batches[0].resets is None  # lane 1 begins with the document at 6: it is fresh anyway
    assert batches[1].resets.tolist() == [[False, False], [True, True], [False, False]]


def test_epochs_are_alike_unless_they_begin_at_random_places():
    alike = Lanes(np.arange(100), 3, 7)
    assert read(alike) == read(alike)
    moving = Lanes(np.arange(100), 3, 7, random_offset=True, seed=5)
    first, second = read(moving), read(moving)
    assert first != second
    again = Lanes(np.arange(100), 3, 7, random_offset=True, seed=5)
    assert [read(again), read(again)] == [first, second]
    assert read(Lanes(np.arange(100), 3, 7, random_offset=True, seed=6)) != first


@pytest.mark.parametrize("stop", range(12))
def test_an_epoch_that_is_gone_on_with_equals_the_whole(stop):
    def loader() -> Lanes:
        return Lanes(np.arange(100), 4, 5, random_offset=True)

    def batches(lanes: Lanes, epochs: int) -> list[tuple]:
        return [
            (batch.fresh, batch.inputs.tolist(), batch.targets.tolist())
            for _ in range(epochs)
            for batch in lanes
        ]

    whole, stopped, resumed = batches(loader(), 4), loader(), loader()
    seen = []
    while len(seen) < stop:
        for batch in stopped:
            seen.append(batch)
            if len(seen) == stop:
                break
    resumed.load_state_dict(stopped.state_dict())
    assert batches(resumed, 2)[:5] == whole[stop : stop + 5]


def test_the_random_state_of_the_process_is_left_alone():
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    read(Lanes(np.arange(100), 3, 7, random_offset=True))
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


def test_nothing_to_predict_is_refused():
    with pytest.raises(UserError, match="nothing to predict"):
        Lanes(np.arange(1), 1, 1)
    with pytest.raises(UserError, match="batch_size must be above 0"):
        Lanes(np.arange(9), 0, 1)
