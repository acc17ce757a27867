import hashlib
from pathlib import Path

import pytest

from throughtime.data.text.source import Source, find_sources
from throughtime.errors import UserError


def text(source: Source) -> str:
    return "".join(piece.text for piece in source.pieces())


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.txt", "a.txt", "sub/c.txt", ".d.txt", ".hidden/e.txt"):
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "empty.txt").touch()
    return tmp_path


def test_a_folder_is_its_visible_files_in_the_order_of_their_paths(folder):
    source = Source(folder)
    assert text(source) == "a.txt\nb.txt\nsub/c.txt\n"
    assert [piece.origin.name for piece in source.pieces() if piece.begins] == [
        str(folder / name) for name in ("a.txt", "b.txt", "sub/c.txt")
    ]


def test_a_glob_says_which_files(folder):
    assert text(Source(str(folder / "**" / "[bc].txt"))) == "b.txt\nsub/c.txt\n"


def test_the_text_that_python_ships_is_english_and_one_document():
    source = Source(None)
    assert 300_000 < source.characters < 1_000_000
    assert text(source).startswith('The "assert" statement')
    assert source.fingerprint()["python"].startswith("3.")
    assert source.sha256 == hashlib.sha256(text(source).encode()).hexdigest()


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    source = Source(file)
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (source.bytes, source.characters) == (13, 8)


def test_another_encoding_is_read_as_it_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("naïve café".encode("latin-1"))
    assert text(Source(tmp_path / "a.txt", "latin-1")) == "naïve café"
    with pytest.raises(UserError, match=r"byte 0xef at offset 2 of .*a\.txt is no utf-8"):
        Source(tmp_path / "a.txt")


def test_a_path_to_nothing_is_named_with_its_key(tmp_path):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"data\.path=.*gone\.txt does not exist"):
        Source(tmp_path / "gone.txt")
    with pytest.raises(UserError, match=r"data\.path=.*empty\.txt holds no text"):
        Source(tmp_path / "empty.txt")
    with pytest.raises(UserError, match=r"data\.path=.*none matches no file"):
        Source(tmp_path / "none")
    with pytest.raises(UserError, match=r"data\.test_path=.*\.md matches no file"):
        Source(str(tmp_path / "*.md"), key="data.test_path")


def test_ready_splits_and_one_to_be_split_exclude_each_other():
    with pytest.raises(UserError, match=r"data\.path and data\.val_path exclude each other"):
        find_sources("a.txt", None, "b.txt", None, "utf-8")
    with pytest.raises(UserError, match=r"data\.val_path needs data\.train_path"):
        find_sources(None, None, "b.txt", None, "utf-8")
