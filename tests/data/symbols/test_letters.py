"""Ids, masks of bases and windows of letters."""

import numpy as np
import pytest

from throughtime.data.labelled.code_points import code_points
from throughtime.data.symbols.letters import (
    BASES,
    CODES,
    COMPLEMENT,
    Alphabet,
    masks,
    unknown_share,
    windows,
)


def test_ids_are_places_in_the_alphabet_and_other_letters_are_unknown():
    alphabet = Alphabet("TGCA")
    assert alphabet.ids(code_points("ACGTNZ")).tolist() == [3, 2, 1, 0, 4, 4]
    assert alphabet.symbols == ("T", "G", "C", "A", "<unk>")


def test_an_alphabet_of_strings_is_in_the_order_of_the_letters():
    assert Alphabet.of([code_points("GA"), code_points("aTé")]).letters == ("A", "G", "T", "a", "é")


def test_unknown_share():
    assert unknown_share([np.array([0, 4]), np.array([4, 1])], 5) == 0.5


def test_masks_are_shares_of_the_bases_that_a_letter_stands_for():
    found = masks(code_points("ACGTUacguNRB-é"))
    np.testing.assert_array_equal(found[:4], np.eye(4))
    np.testing.assert_array_equal(found[4:9], np.eye(4)[[3, 0, 1, 2, 3]])
    np.testing.assert_allclose(
        found[9:12], [[0.25] * 4, [0.5, 0, 0.5, 0], [0, 1 / 3, 1 / 3, 1 / 3]], rtol=1e-6
    )
    assert not found[12:].any()


def test_every_code_and_its_complement_stand_for_complementary_bases():
    pairs = dict(zip(BASES, reversed(BASES), strict=True))
    for letter, bases in CODES.items():
        assert {pairs[base] for base in bases} == set(CODES[COMPLEMENT[letter]])


@pytest.mark.parametrize("letters", ["ACGT", "ACGTN", "acgt", "ACGU", "ACGTRYSWKMBDHVN", "ACGTacgt"])
def test_the_complement_of_a_complement_is_the_letter(letters):
    other = Alphabet(letters).complements()
    np.testing.assert_array_equal(other[other], np.arange(len(letters) + 1))
    assert letters[other[0]].upper() in "TU" and letters[other[1]] in "Gg"


def test_a_complement_that_the_alphabet_lacks_is_unknown():
    assert Alphabet("ACGTR").complements().tolist() == [3, 2, 1, 0, 5, 5]


@pytest.mark.parametrize("length", [1, 5, 12, 13])
@pytest.mark.parametrize(("width", "stride"), [(1, 1), (3, 1), (4, 1), (5, 5), (15, 5), (8, 3)])
def test_a_window_has_the_steps_of_its_place(length, width, stride):
    steps = np.random.default_rng(0).normal(size=(length, 2))
    found = windows(steps, width, stride)
    assert found.shape == (-(-length // stride), 2 * width)
    for t, row in enumerate(found):
        first = t * stride - (width - stride) // 2
        for place in range(width):
            expected = steps[first + place] if 0 <= first + place < length else np.zeros(2)
            np.testing.assert_array_equal(row[2 * place : 2 * place + 2], expected)
