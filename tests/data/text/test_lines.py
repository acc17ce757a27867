import pytest

from throughtime.data.text.lines import LinesData
from throughtime.errors import UserError
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.words import Words


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
