"""Piano rolls of .mat and .json files, with the split that the file has."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from throughtime.data.music import piano_roll_files
from throughtime.data.music.piano_roll_files import PianoRollFiles
from throughtime.errors import UserError


def roll(*steps: list[int]) -> np.ndarray:
    made = np.zeros((len(steps), 88), dtype=np.uint8)
    for number, pitches in enumerate(steps):
        made[number, [pitch - 21 for pitch in pitches]] = 1
    return made


def test_the_parts_of_a_mat_are_its_split(tmp_path: Path, write_mat: Callable[..., Path]) -> None:
    rolls = [roll([60], [60, 64], []), roll([21, 108])]
    path = write_mat(tmp_path / "a.mat", traindata=rolls, validdata=rolls[1:], testdata=rolls[:1])
    parts = PianoRollFiles().read(str(path))
    assert {name: len(part) for name, part in parts.items()} == {"train": 2, "val": 1, "test": 1}
    np.testing.assert_array_equal(parts["train"][0].roll, rolls[0])
    assert parts["train"][1].name == f"{path}: traindata[2]"


def test_json_has_pitches_and_rests(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": [[[60, 64, -1], [None], [62]]], "valid": [[[60], []]], "test": []}))
    parts = PianoRollFiles().read(str(path))
    np.testing.assert_array_equal(parts["train"][0].roll, roll([60, 64], [], [62]))
    np.testing.assert_array_equal(parts["val"][0].roll, roll([60], []))
    path.write_text(json.dumps([[[60]], [[61]]]))
    assert [len(part) for part in PianoRollFiles().read(str(path)).values()] == [2]


def test_the_public_files_have_the_chorales_that_are_known(public_data: Path) -> None:
    folder = public_data / "music"
    parts = PianoRollFiles().read(str(folder / "JSB_Chorales.mat"))
    assert {name: len(part) for name, part in parts.items()} == {"train": 229, "val": 76, "test": 77}
    assert sum(len(piece.roll) for part in parts.values() for piece in part) == 23_134
    fine = PianoRollFiles(4).read(str(folder / "jsb-chorales-16th.json"))
    assert len(fine["test"]) == 77 and sum(len(piece.roll) for piece in fine["test"]) == 18_900


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (np.zeros((3, 87)), r"traindata\[1\] is \[3, 87\]; .* each of 88 keys"),
        (np.full((3, 88), np.nan), "has nan; a piano roll has 0 and 1 only"),
        (np.full((3, 88), 2), "has 2"),
        (np.zeros((0, 88)), "no step"),
    ],
)
def test_cells_that_are_no_piano_roll_are_named(
    tmp_path: Path, write_mat: Callable[..., Path], cell: np.ndarray, message: str
) -> None:
    path = write_mat(tmp_path / "a.mat", traindata=[cell])
    with pytest.raises(UserError, match=message):
        PianoRollFiles().read(str(path))


def test_other_variables_and_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"x": np.zeros(3), "rolls": np.zeros((3, 88))})
    with pytest.raises(UserError, match=r"a\.mat has x, rolls, but none of traindata, validdata, testdata"):
        PianoRollFiles().read(str(path))
    savemat(path, {"traindata": np.zeros((3, 88))})
    with pytest.raises(UserError, match="must be a cell array"):
        PianoRollFiles().read(str(path))
    whole = path.read_bytes()
    for damaged in (b"", whole[:60], whole[:-30], b"no matlab at all" * 20):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.mat"):
            PianoRollFiles().read(str(path))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_mat_that_is_small_until_it_is_decompressed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    path = tmp_path / "a.mat"
    zeros = zlib.compress(bytes(3_000_000))
    mark = {"<": b"\x00\x01IM", ">": b"\x01\x00MI"}[order]
    path.write_bytes(b"MATLAB 5.0".ljust(124) + mark + struct.pack(f"{order}II", 15, len(zeros)) + zeros)
    monkeypatch.setattr(piano_roll_files, "LARGEST", 2_999_999)
    with pytest.raises(UserError, match=r"a\.mat has more than 2,999,999 bytes when it is decompressed"):
        PianoRollFiles().read(str(path))
    monkeypatch.setattr(piano_roll_files, "LARGEST", 3_000_000)
    with pytest.raises(UserError, match=r"a\.mat is not a whole MATLAB file"):
        PianoRollFiles().read(str(path))


def test_a_mat_of_the_allowed_size_is_read(
    tmp_path: Path, write_mat: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mat"
    savemat(
        path,
        {"traindata": np.array([roll([60]) for _ in range(40)] + [None], object)[:-1]},
        do_compression=True,
    )
    monkeypatch.setattr(piano_roll_files, "LARGEST", 8_000)
    assert len(PianoRollFiles().read(str(path))["train"]) == 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"train": [[[60, 20]]]}', r"train\[1\] has the pitch 20"),
        ('{"train": [[[60.5]]]}', r"train\[1\], step 1: 60.5 is no MIDI pitch"),
        ('{"train": [[[NaN]]]}', "NaN is no MIDI pitch"),
        ('{"train": [[["a\\nb"]]]}', r'step 1: "a\\nb" is no MIDI pitch'),
        ('{"train": [[60, 62]]}', r"train\[1\] must be a list of steps"),
        ('{"train": [[]]}', r"train\[1\] has no notes"),
        ('{"train": 3}', "no list of pieces"),
        ('{"training": []}', "none of train, valid and test"),
        ("[[[60]", "is no JSON"),
    ],
)
def test_json_that_is_no_music_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        PianoRollFiles().read(str(path))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("60")
    with pytest.raises(UserError, match=r"a\.txt is no piano-roll file"):
        PianoRollFiles().read(str(tmp_path / "a.txt"))
