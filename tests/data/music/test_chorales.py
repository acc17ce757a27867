"""Chorales of Bach out of music21, kept in the cache of the user."""

from pathlib import Path

import numpy as np
import pytest

from throughtime.data.music import chorales
from throughtime.data.music.chorales import CHORALE, Chorales
from throughtime.errors import UserError


def test_without_music21_a_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chorales, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'throughtime\[music\]'"):
        Chorales().shipped()


def test_chorales_are_read_once_and_then_from_the_cache(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("music21", reason="the chorales need the extra [music]")
    (pieces,) = Chorales(count=3).shipped().values()
    assert [piece.name for piece in pieces] == ["bwv1.6", "bwv10.7", "bwv101.7"]
    for piece in pieces:
        assert 80 <= len(piece.roll) <= 180  # eighths of 40 to 90 quarters
        assert 3 <= np.median(piece.roll.sum(1)) <= 5  # voices
    # The last chord of "Wie schön leuchtet der Morgenstern" is F major.
    assert {int(key + 21) % 12 for key in np.flatnonzero(pieces[0].roll[-1])} == {5, 9, 0}
    assert len(list((cache_folder / "chorales").iterdir())) == 3
    monkeypatch.setattr(chorales, "_read", None)
    (again,) = Chorales(count=3).shipped().values()
    assert all(np.array_equal(one.roll, other.roll) for one, other in zip(pieces, again, strict=True))
    with pytest.raises(TypeError):  # another grid is another entry
        Chorales(steps_per_beat=4, count=3).shipped()


def test_other_versions_and_other_pieces_are_left_out() -> None:
    taken = ("bwv1.6.mxl", "bwv250.mxl", "bwv248.12-2.mxl", "bwv120.8-a.mxl", "bwv67.4.xml")
    left = ("bwv112.5-sc.mxl", "bwv190.7-inst.mxl", "bwv277.krn", "bwv248.9-s.mxl", "bwv18.5-lz.mxl")
    assert all(CHORALE.fullmatch(name) for name in taken)
    assert not any(CHORALE.fullmatch(name) for name in left)


def test_no_path_is_read_and_a_count_is_checked() -> None:
    with pytest.raises(UserError, match="from no file"):
        Chorales().read("x")
    with pytest.raises(UserError, match="count"):
        Chorales(count=1)
