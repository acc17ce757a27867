"""A file is written whole or stays what it was."""

import json
import os
import threading
from pathlib import Path

import pytest

from throughtime.files import atomic_write, output_file
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
