"""Strings survive the way through code points."""

import pytest

from throughtime.data.labelled.code_points import code_points, text_of


@pytest.mark.parametrize("text", ["ACGT", "", "naïve 🙂 文字", "a\ud800b", "\x00\n"])
def test_code_points_are_those_of_the_characters_and_back(text):
    points = code_points(text)
    assert points.tolist() == [ord(letter) for letter in text]
    assert text_of(points) == text
