"""Patterns find their groups in names of files, and values of groups choose files."""

from pathlib import Path

import pytest

from throughtime.data.audio.file_pattern import FilePattern, ValueFilter
from throughtime.errors import UserError

SUFFIXES = (".wav", ".flac")


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        (
            "{digit}_{speaker}_{take}.wav",
            "a/7_jackson_12.wav",
            {"digit": "7", "speaker": "jackson", "take": "12"},
        ),
        ("{digit}_{speaker}_{take}", "7_jackson_12.flac", {"digit": "7", "speaker": "jackson", "take": "12"}),
        ("{word}/{speaker}_nohash_*", "x/yes/0a1_nohash_3.wav", {"word": "yes", "speaker": "0a1"}),
        ("{a}-{b}", "1-2-3.wav", {"a": "1", "b": "2-3"}),
        ("{label}.{n}", "cat.1.wav", {"label": "cat", "n": "1"}),
        ("{label}(*)", "cat(1).wav", {"label": "cat"}),
        ("{digit}_{speaker}.wav", "7_jackson.flac", None),
        ("{digit}_{speaker}_{take}.wav", "7_jackson.wav", None),
        ("{digit}_{speaker}", "_jackson.wav", None),
    ],
)
def test_groups_are_found(pattern, file, expected):
    assert FilePattern(pattern, SUFFIXES).match(Path(file)) == expected


@pytest.mark.parametrize(
    "pattern", ["", "digit", "{}", "{a b}", "{a}_{a}", "{a}{b}", "{a}*{b}", "{a_{b}", "{1a}"]
)
def test_a_pattern_that_means_nothing_is_refused(pattern):
    with pytest.raises(UserError, match=r"^data\.source\.pattern="):
        FilePattern(pattern, SUFFIXES)


NAMES = ("digit", "take")
FILES = [{"digit": digit, "take": take} for digit in "01" for take in ("00", "01", "10", "b")]


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"take": [0, 1]}, 4),
        ({"take": "10"}, 2),
        ({"take": 10, "digit": 1}, 1),
        ({"take": ["b", "01"]}, 4),
    ],
)
def test_values_choose_files(values, count):
    chosen = ValueFilter("data.source.test", values, NAMES)
    chosen.check_found(FILES)
    assert sum(map(chosen, FILES)) == count


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "names no group"),
        ({"speaker": ["a"]}, "there is no group speaker in data.source.pattern; it has digit, take"),
        ({"take": []}, "data.source.test.take has no value"),
        ({"take": [0, 7]}, "no file has take=7; the values are 0, 1, 10, b"),
    ],
)
def test_values_that_there_are_not_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        ValueFilter("data.source.test", values, NAMES).check_found(FILES)
