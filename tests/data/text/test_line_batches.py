import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.text.line_batches import LineBatches

START, END = 90, 91


def loader(lengths: list[int], **arguments) -> LineBatches:
    """Sequences of the given lengths whose symbols tell which they are."""
    ids = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum([0, *lengths[:-1]])
    return LineBatches(ids, starts, START, END, **arguments)


def epoch(batches: LineBatches) -> list[tuple]:
    return [(batch.inputs.tolist(), batch.targets.tolist(), batch.lengths.tolist()) for batch in batches]


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=80),
    batch_size=st.integers(1, 7),
    shuffle=st.booleans(),
)
def test_every_sequence_stands_once_between_its_start_and_its_end(lengths, batch_size, shuffle):
    batches = loader(lengths, batch_size=batch_size, shuffle=shuffle)
    seen = []
    for batch in batches:
        assert batch.fresh
        assert int(batch.lengths.max()) == len(batch.inputs)
        for lane, length in enumerate(batch.lengths.tolist()):
            symbols = batch.targets[: length - 1, lane].tolist()
            assert batch.inputs[:length, lane].tolist() == [START, *symbols]
            assert batch.targets[length - 1, lane] == END
            assert not batch.inputs[length:, lane].any()
            assert not batch.targets[length:, lane].any()
            seen.append(symbols)
    assert sorted(seen) == [[n] * length for n, length in enumerate(lengths)]
    assert len(list(batches)) == len(batches)


def test_epochs_differ_and_follow_from_the_seed():
    lengths = [1 + n % 5 for n in range(100)]
    first, again, other = (loader(lengths, batch_size=8, seed=seed) for seed in (1, 1, 2))
    epochs = [epoch(first), epoch(first)]
    assert epochs[0] != epochs[1]
    assert [epoch(again), epoch(again)] == epochs
    assert epoch(other) != epochs[0]


def test_evaluation_has_one_order():
    batches = loader([3, 1, 2], batch_size=2, shuffle=False)
    assert epoch(batches) == epoch(batches)


def test_sorting_by_length_leaves_little_padding():
    lengths = np.random.default_rng(1).integers(1, 30, 2000).tolist()
    batches = loader(lengths, batch_size=32)
    steps = sum(batch.targets.numel() for batch in batches)
    assert steps < 1.1 * (sum(lengths) + len(lengths))


def test_an_epoch_that_is_gone_on_with_equals_the_whole():
    lengths = [1 + n % 5 for n in range(100)]
    whole = loader(lengths, batch_size=8)
    expected = epoch(whole) + epoch(whole)
    stopped, resumed = loader(lengths, batch_size=8), loader(lengths, batch_size=8)
    for _ in zip(range(5), stopped, strict=False):
        pass
    state = stopped.state_dict()
    resumed.load_state_dict(state)
    assert epoch(resumed) + epoch(resumed) == expected[state["batch"] :]
