"""A path stands for a file, for all that is not hidden in a folder, or for what a glob matches."""

import pytest

from throughtime.data.paths import find_files
from throughtime.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "a/1.png", "a/.hidden", ".git/x"):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"x")
    return tmp_path


def test_files_come_in_the_order_of_their_names(folder):
    assert find_files(str(folder)) == [folder / "a/1.png", folder / "b/2.png"]
    assert find_files(f"{folder}/*/2.png") == [folder / "b/2.png"]
    assert find_files(str(folder / "a/.hidden")) == [folder / "a/.hidden"]


@pytest.mark.parametrize(
    ("path", "message"), [("", "is empty"), ("{}/none", "does not exist"), ("{}/*.wav", "matches no file")]
)
def test_a_path_of_no_file_is_refused(folder, path, message):
    with pytest.raises(UserError, match=rf"^data\.train_path=.*{message}.*image"):
        find_files(path.format(folder), "data.train_path", "image")
