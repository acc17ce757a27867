"""Lines: each in one split and one batch, whole, with its start and end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.text.lines import LineBatches, LinesData
from throughtime.errors import UserError
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.words import Words

START, END = 90, 91


def ready(tokenizer=None, **arguments) -> LinesData:
    data = LinesData(**arguments)
    data.connect(tokenizer or Characters())
    data.setup()
    return data


def lines(data: LinesData, loader) -> list[str]:
    end = data.tokenizer.vocabulary.end
    return [
        data.tokenizer.decode(lane[: lane.index(end)])
        for batch in loader
        for lane in batch.targets.T.tolist()
    ]


@pytest.fixture
def file(tmp_path):
    names = [f"name {n}" for n in range(100)]
    (tmp_path / "names.txt").write_text("\n".join(names[:50]) + "\n\n\n" + "\r\n".join(names[50:]))
    return str(tmp_path / "names.txt")


@pytest.mark.parametrize("order", ["contiguous", "shuffled"])
def test_every_line_is_in_one_split_and_empty_ones_are_counted(file, order):
    data = ready(path=file, split=(0.8, 0.1, 0.1), split_order=order, batch_size=7)
    loaders = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader()]
    found = [lines(data, loader) for loader in loaders]
    assert [len(part) for part in found] == [80, 10, 10]
    assert sorted(line for part in found for line in part) == sorted(f"name {n}" for n in range(100))
    assert (sorted(found[1]) == [f"name {n}" for n in range(80, 90)]) == (order == "contiguous")
    assert data.fingerprint()["empty_lines"] == 2


def test_an_end_is_a_token_and_a_character(file):
    data = ready(path=file, split=(1, 0, 0))
    targets = sum(int(batch.lengths.sum()) for batch in data.train_dataloader())
    assert targets == data.sizes["train"] == sum(len(f"name {n}") + 1 for n in range(100))
    assert data.characters_per_token == {"train": 1.0}
    words = ready(Words(), path=file, split=(1, 0, 0))
    assert words.characters_per_token["train"] * words.sizes["train"] == pytest.approx(targets)
    assert data.val_dataloader() == data.test_dataloader() == []


def test_the_names_of_makemore(public_data):
    data = ready(
        path=str(public_data / "names" / "names.txt"),
        split=(0.9375, 0.03125, 0.03125),
        split_order="shuffled",
        batch_size=256,
    )
    assert sum(data.sequences.values()) == 32_033
    assert data.tokenizer.vocabulary_size == 26 + 3
    assert data.characters_per_token["test"] == 1.0


def test_a_position_is_handed_over(file):
    data, other = ready(path=file), ready(path=file)
    batches = iter(data.train_dataloader())
    next(batches)
    other.train_dataloader().load_state_dict(data.train_dataloader().state_dict())
    assert next(iter(other.train_dataloader())).targets.tolist() == next(batches).targets.tolist()


def test_other_lines_need_a_tokenizer_that_knows_ends(file):
    fitted = Characters()
    fitted.fit(["name 0"])
    with pytest.raises(UserError, match="no <start> and <end>"):
        ready(fitted, test_path=file)
    known = ready(path=file).tokenizer
    other = ready(known, test_path=file)
    assert len(lines(other, other.test_dataloader())) == 100


def test_mistakes_are_named_with_their_key(tmp_path):
    (tmp_path / "blank.txt").write_text("\n\n\n")
    with pytest.raises(UserError, match="train split is empty"):
        ready(path=str(tmp_path / "blank.txt"))
    with pytest.raises(UserError, match=r"data\.split_order=random"):
        LinesData(split_order="random")


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


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=30),
    batch_size=st.integers(1, 5),
    chunk_length=st.integers(1, 12),
)
def test_chunks_of_a_batch_of_long_lines_make_up_the_whole_lines(lengths, batch_size, chunk_length):
    seen, inputs, targets = [], [], []
    batches = list(loader(lengths, batch_size=batch_size, chunk_length=chunk_length))
    for place, batch in enumerate(batches):
        assert len(batch.inputs) <= chunk_length
        assert batch.fresh or batches[place - 1].inputs.shape[1] == batch.inputs.shape[1]
        if batch.fresh:
            inputs, targets = ([[] for _ in batch.lengths] for _ in range(2))
        for lane, length in enumerate(batch.lengths.tolist()):
            assert length > 0
            inputs[lane] += batch.inputs[:length, lane].tolist()
            targets[lane] += batch.targets[:length, lane].tolist()
        if place + 1 == len(batches) or batches[place + 1].fresh:
            for read, expected in zip(inputs, targets, strict=True):
                assert read == [START, *expected[:-1]]
                assert expected[-1] == END
            seen += [expected[:-1] for expected in targets]
    assert sorted(seen) == [[n] * length for n, length in enumerate(lengths)]


def test_one_long_line_among_names_takes_no_more_memory_than_a_chunk(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(["anna"] * 99 + ["x" * 60_000]))
    data = ready(path=str(tmp_path / "names.txt"), split=(1, 0, 0), batch_size=32)
    batches = list(data.train_dataloader())
    assert sum(int(batch.lengths.sum()) for batch in batches) == data.sizes["train"] == 99 * 5 + 60_001
    assert sum(batch.targets.numel() for batch in batches) == 99 * 5 + 60_001
    assert max(len(batch.targets) for batch in batches) == 1000
    with pytest.raises(UserError, match=r"data\.chunk_length"):
        LinesData(chunk_length=0)


def test_a_resume_in_the_middle_of_a_line_goes_on_with_its_next_chunk():
    whole, resumed = (loader([5, 40, 40, 7], batch_size=2, chunk_length=10) for _ in range(2))
    expected = epoch(whole)
    stopped = loader([5, 40, 40, 7], batch_size=2, chunk_length=10)
    for batch in stopped:
        if not batch.fresh:
            break
    resumed.load_state_dict(stopped.state_dict())
    assert epoch(resumed) == expected[stopped.state_dict()["batch"] :]


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
