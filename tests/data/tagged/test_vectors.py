"""Pretrained vectors as GloVe and fastText write them."""

import numpy as np
import pytest

from throughtime.data.tagged.vectors import read_vectors
from throughtime.errors import UserError


def test_a_line_is_a_word_with_or_without_a_header(tmp_path):
    path = tmp_path / "vectors.txt"
    for header in ("", "3 2\n"):
        path.write_text(f"{header}the 1 2\ncat -0.5 1e-3\nNew York 3 4\n")
        found = read_vectors(path, further=10)
        assert found.keys() == {"the", "cat", "New York"}
        assert np.allclose(found["cat"], [-0.5, 1e-3])


def test_only_wanted_words_and_the_first_ones_are_kept(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1\nb 2\nc 3\nd 4\n")
    assert read_vectors(path, {"d"}, further=2).keys() == {"a", "b", "d"}
    assert read_vectors(path, {"d"}).keys() == {"d"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the 1 2\ncat 1\n", "line 2"),
        ("the 1 2\ncat 1 x\n", "line 2"),
        ("", "no vector"),
        ("the\n", "line 1"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, text, words):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_vectors(path, further=10)


def test_a_missing_file_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match=r"data\.vectors"):
        read_vectors(tmp_path / "absent")
