"""What every format shares."""

from throughtime.data.tagged.sentences import Tagged, document_at, lines_of


def test_lines_have_no_ends_whatever_the_file_has(tmp_path):
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "file"
        path.write_bytes(f"a{end}b{end}".encode())
        assert lines_of(document_at(path)) == ["a", "b", ""]


def test_probabilities_have_four_digits():
    assert list(Tagged(("X", "Y"), (0.5, 1 / 3)).shares()) == ["0.5000", "0.3333"]
    assert list(Tagged(("X",)).shares()) == []
