"""Text sources: files, folders and globs, and their encoding."""

import hashlib
from pathlib import Path

import pytest

from throughtime.data.text.source import TextSource, find_sources
from throughtime.errors import UserError


def text(source: TextSource) -> str:
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
    source = TextSource(folder)
    assert text(source) == "a.txt\nb.txt\nsub/c.txt\n"
    assert [piece.origin.name for piece in source.pieces() if piece.begins] == [
        str(folder / name) for name in ("a.txt", "b.txt", "sub/c.txt")
    ]


def test_a_glob_says_which_files(folder):
    assert text(TextSource(str(folder / "**" / "[bc].txt"))) == "b.txt\nsub/c.txt\n"


def test_the_text_that_python_ships_is_english_and_one_document():
    source = TextSource(None)
    assert 300_000 < source.characters < 1_000_000
    assert text(source).startswith('The "assert" statement')
    assert source.fingerprint()["python"].startswith("3.")
    assert source.sha256 == hashlib.sha256(text(source).encode()).hexdigest()


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    source = TextSource(file)
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (source.bytes, source.characters) == (13, 8)


def test_another_encoding_is_read_as_it_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("naïve café".encode("latin-1"))
    assert text(TextSource(tmp_path / "a.txt", "latin-1")) == "naïve café"
    with pytest.raises(UserError, match=r"byte 0xef at offset 2 of .*a\.txt is no utf-8"):
        TextSource(tmp_path / "a.txt")


def test_a_path_to_nothing_is_named_with_its_key(tmp_path):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"data\.path=.*gone\.txt does not exist"):
        TextSource(tmp_path / "gone.txt")
    with pytest.raises(UserError, match=r"data\.path=.*empty\.txt holds no text"):
        TextSource(tmp_path / "empty.txt")
    with pytest.raises(UserError, match=r"data\.path=.*none matches no file"):
        TextSource(tmp_path / "none")
    with pytest.raises(UserError, match=r"data\.test_path=.*\.md matches no file"):
        TextSource(str(tmp_path / "*.md"), key="data.test_path")


def test_ready_splits_and_one_to_be_split_exclude_each_other():
    with pytest.raises(UserError, match=r"data\.path and data\.val_path exclude each other"):
        find_sources("a.txt", None, "b.txt", None, "utf-8")
    with pytest.raises(UserError, match=r"data\.val_path needs data\.train_path"):
        find_sources(None, None, "b.txt", None, "utf-8")


def test_the_home_of_a_user_who_is_not_there_is_a_path_that_does_not_exist():
    with pytest.raises(UserError, match=r"data.path=~nobody-here/x.txt does not exist"):
        find_sources("~nobody-here/x.txt", None, None, None, "utf-8")
