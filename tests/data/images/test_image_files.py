"""Folders and files of images become sequences of one kind, and what does not fit is named."""

import numpy as np
import pytest
from PIL import Image

from throughtime.data.images.image_files import ImageFiles
from throughtime.errors import UserError

GENERATOR = np.random.default_rng(0)


def save(file, height=4, width=4, channels=1):
    file.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = GENERATOR.integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    return pixels


@pytest.fixture
def folder(tmp_path):
    for name in ("cat", "dog"):
        for number in range(3):
            save(tmp_path / "pets" / name / f"{number}.png")
    return tmp_path / "pets"


def test_a_folder_for_each_class(folder):
    found = ImageFiles().read(str(folder))
    found.check()
    assert found.labels == ["cat"] * 3 + ["dog"] * 3
    assert found.names[4] == str(folder / "dog" / "1.png")
    assert found.sequences[0].shape == (4, 4) and found.sequences[0].dtype == np.float32


def test_colour_and_size_are_made_alike(folder):
    save(folder / "dog" / "big.png", 9, 7, 3)
    found = ImageFiles(size=[4, 4], colour="rgb").read(str(folder))
    assert {sequence.shape for sequence in found.sequences} == {(4, 12)}
    assert found.frame_shape == (3, 1, 4)


def test_images_of_another_size_are_named(folder):
    save(folder / "dog" / "9.png", 5, 4)
    with pytest.raises(
        UserError, match=r"9\.png has 5 x 4 pixels, but the others have 4 x 4; data\.source\.size="
    ):
        ImageFiles().read(str(folder))


def test_an_empty_class_and_a_folder_without_classes_are_named(folder):
    (folder / "fish").mkdir()
    with pytest.raises(UserError, match="fish is empty"):
        ImageFiles().read(str(folder))
    with pytest.raises(UserError, match="has no folder in it"):
        ImageFiles().read(str(folder / "cat"))


def test_a_picture_alone_has_no_label(folder):
    with pytest.raises(UserError, match=r"0\.png has no label"):
        ImageFiles().read(str(folder / "cat" / "0.png"))


def test_prediction_takes_pictures_folders_and_tables(folder, tmp_path):
    source = ImageFiles()
    trained = source.read(str(folder))
    again = ImageFiles.from_state(source.state())
    (tmp_path / "rows.csv").write_text(",".join(["255"] * 16) + "\n")
    found = again.read_for_prediction([folder / "cat", folder / "dog" / "0.png", tmp_path / "rows.csv"])
    assert found.names == [*trained.names[:4], f"{tmp_path}/rows.csv:1"]
    np.testing.assert_array_equal(found.sequences[1], trained.sequences[1])
    assert set(found.labels) == {None} and (found.sequences[4] == 1).all()


def test_prediction_refuses_images_of_another_size(folder, tmp_path):
    source = ImageFiles()
    source.read(str(folder))
    save(tmp_path / "big.png", 8, 8)
    with pytest.raises(UserError, match=r"big\.png has 8 x 8 pixels, but the others have 4 x 4"):
        ImageFiles.from_state(source.state()).read_for_prediction([tmp_path / "big.png"])


@pytest.mark.parametrize("channels", [2, 5])
def test_a_wrong_number_of_channels_is_named(channels, tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 4, 4, channels), np.uint8), labels=np.arange(2))
    with pytest.raises(UserError, match=rf"a\.npz:1 has {channels} channels"):
        ImageFiles().read(str(tmp_path / "a.npz"))


def test_a_row_that_is_no_square_needs_a_size(tmp_path):
    (tmp_path / "a.csv").write_text("label," + ",".join("abcdef") + "\n1,1,2,3,4,5,6\n")
    with pytest.raises(UserError, match=r"a\.csv:2 has 6 pixels, which are no square"):
        ImageFiles().read(str(tmp_path / "a.csv"))
    assert ImageFiles(size=[2, 3]).read(str(tmp_path / "a.csv")).sequences[0].shape == (2, 3)


def test_an_unknown_file_is_refused(tmp_path):
    (tmp_path / "a.doc").write_bytes(b"x")
    with pytest.raises(UserError, match=r"a\.doc is no file of images"):
        ImageFiles().read(str(tmp_path / "a.doc"))


@pytest.mark.parametrize("given", [{"colour": "blue"}, {"size": [8]}, {"size": [0, 8]}, {"brightest": 0}])
def test_unknown_settings_are_refused(given):
    with pytest.raises(UserError, match=r"^data\.source\."):
        ImageFiles(**given)
