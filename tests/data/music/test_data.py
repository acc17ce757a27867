"""Music data: a split by pieces, and what a checkpoint keeps."""

import json
from pathlib import Path

import numpy as np
import pytest

from throughtime.data.music.data import MusicData
from throughtime.data.music.piano_roll_files import PianoRollFiles
from throughtime.errors import UserError


def pieces(count: int, seed: int = 0) -> list[list[list[int]]]:
    """Pieces of different chords, no two the same."""
    generator = np.random.default_rng(seed)
    return [generator.integers(40, 80, (int(generator.integers(4, 9)), 3)).tolist() for _ in range(count)]


@pytest.fixture
def ready(tmp_path: Path) -> str:
    path = tmp_path / "ready.json"
    path.write_text(json.dumps({"train": pieces(5), "valid": pieces(2, 1), "test": pieces(3, 2)}))
    return str(path)


@pytest.fixture
def whole(tmp_path: Path) -> str:
    path = tmp_path / "whole.json"
    path.write_text(json.dumps(pieces(20)))
    return str(path)


def made(**arguments) -> MusicData:
    data = MusicData(PianoRollFiles(), **arguments)
    data.setup()
    return data


def test_a_split_of_the_files_is_taken_as_it_is(ready: str) -> None:
    data = made(path=ready)
    assert [len(data.part(name)) for name in ("train", "val", "test")] == [5, 2, 3]
    assert data.sizes["test"] == sum(len(piece) for piece in pieces(3, 2))
    train = np.concatenate([piece.roll for piece in data.part("train")])
    np.testing.assert_allclose(data.artifacts()["output_sizes"]["frequencies"], train.mean(0))


def test_no_piece_is_in_two_parts_and_the_split_has_a_seed_of_its_own(whole: str) -> None:
    data, again, other = made(path=whole), made(path=whole, seed=7), made(path=whole, split_seed=2)
    names = [[piece.name for piece in data.part(name)] for name in ("train", "val", "test")]
    assert [len(part) for part in names] == [12, 4, 4] and len(
        {name for part in names for name in part}
    ) == 20
    assert data.fingerprint() == again.fingerprint() != other.fingerprint()


def test_ready_splits_take_the_part_of_their_name(ready: str, whole: str) -> None:
    data = made(train_path=whole, test_path=ready)
    assert (len(data.part("train")), len(data.part("test"))) == (20, 3)
    assert data.loader("val") is None and list(data.val_dataloader()) == []
    with pytest.raises(UserError, match="exclude each other"):
        made(path=whole, val_path=ready)
    with pytest.raises(UserError, match="nothing to read"):
        made()


def test_a_part_that_a_file_lacks_is_named(tmp_path: Path, whole: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": pieces(3)}))
    with pytest.raises(UserError, match=r"data\.val_path=.*without a part for val"):
        made(train_path=whole, val_path=str(path))


def test_too_few_pieces_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(json.dumps(pieces(2)))
    with pytest.raises(UserError, match="2 pieces, too few"):
        made(path=str(path))


def test_other_data_keep_the_frequencies_and_the_grid_of_training(ready: str, whole: str) -> None:
    trained = made(path=ready).artifacts()
    other = MusicData(PianoRollFiles(), test_path=whole)
    other.restore(trained)
    other.setup()
    assert other.artifacts() == trained
    with pytest.raises(UserError, match=r"grid of 1 steps a beat.*steps_per_beat=2; set it to 1"):
        MusicData(PianoRollFiles(2), test_path=whole).restore(trained)


@pytest.mark.parametrize(
    "wrong",
    [{"transpose": 88}, {"transpose": -1}, {"batch_size": 0}, {"chunk_length": 0}, {"split": (1, 1, 1)}],
)
def test_values_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(UserError, match=rf"data\.{next(iter(wrong))}"):
        MusicData(PianoRollFiles(), path="x", **wrong)
