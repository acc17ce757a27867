import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.fractions import check_split_fractions
from throughtime.data.text.source import TextSource
from throughtime.data.text.split import split_bounds, split_characters, split_lines
from throughtime.errors import UserError

FRACTIONS = [(0.9, 0.05, 0.05), (0.9, 0.1, 0.0), (1.0, 0.0, 0.0), (0.3, 0.0, 0.7), (0.333, 0.333, 0.334)]


def texts(part) -> list[str]:
    return [piece.text for piece in part.pieces()]


@pytest.fixture
def files(tmp_path) -> TextSource:
    for n in range(5):
        (tmp_path / f"{n}.txt").write_text("".join(f"line {n}.{m}\n\n" for m in range(20)))
    return TextSource(tmp_path)


@given(total=st.integers(0, 10**12))
@pytest.mark.parametrize("split", FRACTIONS)
def test_stretches_follow_each_other_and_cover_everything(split, total):
    ends = list(split_bounds(total, check_split_fractions(split)).values())
    assert ends[0][0] == 0
    assert ends[-1][1] == total
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ends))


def test_a_cut_is_where_the_fraction_says_rounded_down():
    assert split_bounds(1_115_394, (0.9, 0.1, 0.0)) == {
        "train": (0, 1_003_854),
        "val": (1_003_854, 1_115_394),
    }


@pytest.mark.parametrize("split", FRACTIONS)
def test_the_parts_of_running_text_join_to_the_whole(files, split):
    parts = split_characters({"all": files}, split)
    whole = "".join(piece.text for piece in files.pieces())
    assert "".join("".join(texts(part)) for part in parts.values()) == whole
    assert all(part.characters == len("".join(texts(part))) for part in parts.values())


def test_a_part_knows_where_documents_begin_and_where_its_text_stands(files):
    part = split_characters({"all": files}, (0.5, 0.5, 0.0))["val"]
    first, *others = part.pieces()
    assert first.begins
    assert first.origin.offset > 0
    assert [piece.origin.name for piece in others] == [document.name for document in files.documents[3:]]
    assert all(piece.begins for piece in others)


@pytest.mark.parametrize("order", ["contiguous", "shuffled"])
def test_every_line_that_is_not_empty_is_in_one_part(files, order):
    parts = split_lines({"all": files}, (0.8, 0.1, 0.1), order, seed=3)
    assert [part.count for part in parts.values()] == [80, 10, 10]
    together = sorted(line for part in parts.values() for line in texts(part))
    assert together == sorted(f"line {n}.{m}" for n in range(5) for m in range(20))


def test_lines_are_dealt_by_the_seed_alone(files):
    def dealt(seed: int) -> list[str]:
        return texts(split_lines({"all": files}, (0.5, 0.5, 0.0), "shuffled", seed)["val"])

    state = np.random.get_state()[1].copy()
    assert dealt(1) == dealt(1) != dealt(2)
    assert np.array_equal(np.random.get_state()[1], state)


def test_a_line_knows_its_place(files):
    part = split_lines({"all": files}, (1.0, 0.0, 0.0))["train"]
    for piece in part.pieces():
        with open(piece.origin.name) as file:
            assert file.read()[piece.origin.offset :].startswith(piece.text + "\n")


def test_the_order_of_lines_is_one_of_two(files):
    with pytest.raises(UserError, match=r"data\.split_order=sorted"):
        split_lines({"all": files}, (1.0, 0.0, 0.0), "sorted")
