"""A file is written whole or stays what it was."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from throughtime.files import (
    atomic_write,
    cache_folder,
    make_private,
    make_subfolder,
    no_follow,
    output_file,
    write_text,
)
from throughtime.run.folder import write_json


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, {"status": "running"})
    with pytest.raises(OSError, match="disk"), atomic_write(path) as file:
        file.write(b"half of")
        raise OSError("no space left on disk")
    assert json.loads(path.read_text()) == {"status": "running"}
    assert os.listdir(tmp_path) == ["results.json"]


def test_an_output_that_fails_leaves_the_file_of_before(tmp_path: Path) -> None:
    path = tmp_path / "tags.txt"
    path.write_text("earlier")
    with pytest.raises(UnicodeEncodeError), output_file(path) as file:
        file.write(b"begun ")
        file.write("ü".encode("ascii"))
    assert path.read_text() == "earlier" and os.listdir(tmp_path) == ["tags.txt"]


def test_an_output_goes_through_a_link_and_into_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with output_file(tmp_path / "link") as file:
        file.write(b"content")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"content"
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with output_file(tmp_path / "pipe") as file:
        file.write(b"content")
    reader.join(timeout=30)
    assert read == [b"content"] and (tmp_path / "pipe").is_fifo()


def test_a_folder_that_is_missing_is_told_with_the_name_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "tags.txt"
    with pytest.raises(FileNotFoundError) as caught, output_file(path):
        pass
    assert caught.value.filename == str(path)


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request) -> Iterator[int]:
    """An umask that the user has set, while the test runs."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def permissions(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_has_the_permissions_that_the_umask_leaves(umask: int, tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", {})
    with output_file(tmp_path / "tags.txt") as file:
        file.write(b"x")
    os.close(no_follow(str(tmp_path / "log.txt"), os.O_WRONLY | os.O_CREAT))
    make_subfolder(tmp_path / "samples")
    for name in ("results.json", "tags.txt", "log.txt"):
        assert permissions(tmp_path / name) == 0o666 & ~umask, name
    assert permissions(tmp_path / "samples") == 0o777 & ~umask


def test_a_private_folder_is_the_users_alone_with_those_above_it(umask: int, tmp_path: Path) -> None:
    make_private(tmp_path / "cache" / "kernels")
    make_private(tmp_path / "cache" / "kernels")
    assert permissions(tmp_path / "cache") == permissions(tmp_path / "cache" / "kernels") == 0o700


def test_the_cache_is_where_the_environment_says_or_in_the_home_folder(monkeypatch) -> None:
    monkeypatch.setenv("THROUGHTIME_CACHE", "~/mine")
    assert cache_folder() == Path.home() / "mine"
    monkeypatch.delenv("THROUGHTIME_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "throughtime"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept.txt", tmp_path / "run"
    kept.write_text("mine")
    (tmp_path / "other").mkdir()
    folder.mkdir()
    for name in ("results.json", "journal.txt"):
        (folder / name).symlink_to(kept)
    (folder / "samples").symlink_to(tmp_path / "other")
    write_text(folder / "results.json", "new")
    assert not (folder / "results.json").is_symlink() and (folder / "results.json").read_text() == "new"
    with pytest.raises(OSError, match="symbolic link"):
        no_follow(str(folder / "journal.txt"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with pytest.raises(OSError, match="symbolic link"):
        make_subfolder(folder / "samples")
    assert kept.read_text() == "mine" and not os.listdir(tmp_path / "other")


def test_a_file_has_no_place_where_a_pipe_lies(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(OSError):  # and no wait for a reader
        no_follow(str(tmp_path / "lock"), os.O_WRONLY)
