"""Films, animations and folders of frames give the same frames, and what is damaged is named."""

import numpy as np
import pytest
from PIL import Image

from throughtime.data.images.image_files import LUMA
from throughtime.data.video.formats import FrameSampling, frame_files, read_clip
from throughtime.errors import UserError

from .conftest import frames, write_film, write_folder, write_gif

WRITERS = {"clip": write_folder, "clip.gif": write_gif, "clip.mp4": write_film, "clip.avi": write_film}


def read(place, *sampling):
    return read_clip(place, FrameSampling(*sampling), lambda size, name: None)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_frames_that_were_written(name, tmp_path):
    content = frames()
    place = WRITERS[name](tmp_path / name, content)
    tolerance = 0.002 if name == "clip" else 0.05  # a film is coded with loss, and a GIF has few colours
    colour = read(place, "rgb")
    assert colour.shape == (5, 16, 24, 3)
    assert np.abs(colour - content / 255).mean() < tolerance
    assert np.abs(read(place)[..., 0] - content / 255 @ LUMA).mean() < tolerance
    small = read(place, "grey", (8, 12))
    assert small.shape == (5, 8, 12, 1) and abs(small.mean() - (content / 255 @ LUMA).mean()) < tolerance


@pytest.mark.parametrize("name", WRITERS)
def test_a_stride_and_a_longest_clip(name, tmp_path):
    place = WRITERS[name](tmp_path / name, frames(7))
    whole = read(place)
    np.testing.assert_array_equal(read(place, "grey", None, 2), whole[::2])
    np.testing.assert_array_equal(read(place, "grey", None, 2, 3), whole[:6:2])
    assert len(read(place, "grey", None, 9, 3)) == 1


def test_frames_are_in_the_order_of_the_numbers_in_their_names(tmp_path):
    write_folder(tmp_path / "clip", frames(11))
    (tmp_path / "clip" / ".hidden.png").write_bytes(b"")
    assert [file.stem for file in frame_files(tmp_path / "clip")] == [str(n) for n in range(1, 12)]


def test_every_frame_is_counted_before_it_is_kept(tmp_path):
    counted = []
    read_clip(
        write_folder(tmp_path / "clip", frames()), FrameSampling(), lambda size, name: counted.append(size)
    )
    assert counted == [4 * 16 * 24] * 5


@pytest.mark.parametrize("name", ["clip.gif", "clip.mp4", "clip.avi"])
@pytest.mark.parametrize("kept", [0, 0.02, 0.7])
def test_a_file_that_is_cut_short_is_named(name, kept, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    place = WRITERS[name](tmp_path / name, noise)
    content = place.read_bytes()
    place.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match=rf"{name} (is empty|is no|is cut short|has no frame)"):
        read(place)


@pytest.mark.parametrize("name", ["clip.gif", "clip.mp4"])
def test_a_file_of_another_kind_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"no film at all, but some text " * 50)
    with pytest.raises(UserError, match=rf"{name} is no .* that can be read"):
        read(tmp_path / name)


def test_a_damaged_frame_and_one_of_another_size_are_named(tmp_path):
    folder = write_folder(tmp_path / "clip", frames())
    Image.new("L", (9, 9)).save(folder / "3.png")
    with pytest.raises(
        UserError, match=r"3\.png has 9 x 9 pixels, but the first frame has 16 x 24; data\.source"
    ):
        read(folder)
    assert read(folder, "grey", (8, 8)).shape == (5, 8, 8, 1)
    (folder / "3.png").write_bytes(b"\x89PNG")
    with pytest.raises(UserError, match=r"3\.png is no picture"):
        read(folder)


def test_a_film_without_video_or_without_frames_is_named(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(UserError, match=r"sound\.mp4 has no video"):
        read(tmp_path / "sound.mp4")
    (tmp_path / "clip").mkdir()
    with pytest.raises(UserError, match="clip has no frame"):
        read(tmp_path / "clip")
