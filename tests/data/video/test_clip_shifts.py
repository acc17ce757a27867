"""Shifts and mirror images move all frames of a clip alike, and follow from the seed alone."""

import numpy as np
import pytest
from toy_sequences import ToySource

from throughtime.data.labelled.data import LabelledData
from throughtime.data.video.clip_shifts import ClipShifts
from throughtime.data.video.moving_digits import MovingDigits
from throughtime.data.video.video_files import VideoFiles
from throughtime.errors import UserError

from .conftest import frames, write_folder


@pytest.fixture
def source(tmp_path):
    """Clips in colour of 10 x 12 pixels."""
    for number in range(4):
        write_folder(tmp_path / "ab"[number % 2] / f"{number}", frames(5, 10, 12, number))
    found = VideoFiles(colour="rgb")
    found.clips = found.read(str(tmp_path)).sequences
    return found


def test_all_frames_of_a_clip_move_by_one_vector(source):
    shifts = ClipShifts(pixels=2, fill=0.5)
    shifts.connect(source)
    clip = source.clips[0]
    padded = np.pad(
        clip.reshape(5, 3, 10, 12), ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=np.float32(0.5)
    )
    found = set()
    for seed in range(80):
        moved = shifts(clip, np.random.default_rng(seed)).reshape(5, 3, 10, 12)
        matches = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if np.array_equal(moved, padded[..., 2 - down : 12 - down, 2 - right : 14 - right])
        ]
        assert len(matches) == 1
        found.update(matches)
    assert {down for down, _ in found} == {right for _, right in found} == {-2, -1, 0, 1, 2}


def test_a_mirror_image_exchanges_left_and_right_and_twice_nothing(source):
    mirror = ClipShifts(flip=1)
    mirror.connect(source)
    clip, generator = source.clips[0], np.random.default_rng(0)
    found = mirror(clip, generator)
    np.testing.assert_array_equal(found.reshape(5, 3, 10, 12), clip.reshape(5, 3, 10, 12)[..., ::-1])
    np.testing.assert_array_equal(mirror(found, generator), clip)
    seldom = ClipShifts(flip=0.25)
    seldom.connect(source)
    share = np.mean([(seldom(clip, generator) != clip).any() for _ in range(1000)])
    assert share == pytest.approx(0.25, abs=0.05)


def test_an_interrupted_epoch_goes_on_with_the_same_clips():
    def loader():
        data = LabelledData(
            MovingDigits(side=15, frames=3), augmentation=ClipShifts(pixels=1), standardise="none"
        )
        data.setup()
        return data.loader("train")

    first, other = loader(), loader()
    whole = [batch.inputs for batch, _ in zip(first, range(4), strict=False)]
    steps = iter(other)
    for _ in range(2):
        next(steps)
    again = loader()
    again.load_state_dict(other.state_dict())
    for expected, batch in zip(whole[2:], again, strict=False):
        assert (expected == batch.inputs).all()


def test_without_shifts_and_mirror_images_any_clip_stays():
    nothing = ClipShifts()
    nothing.connect(ToySource())
    clip = np.ones((3, 2), np.float32)
    assert nothing(clip, np.random.default_rng(0)) is clip


def test_what_does_not_fit_is_refused(source):
    for shifts, other, message in (
        (ClipShifts(pixels=1), ToySource(), "need clips of frames; set data.augmentation=null"),
        (ClipShifts(pixels=10), source, "moves frames of 10 x 12 pixels out of sight"),
        (ClipShifts(flip=0.5), MovingDigits(), "the mirror image of a digit is no digit"),
    ):
        with pytest.raises(UserError, match=message):
            shifts.connect(other)
    for settings in ({"pixels": -1}, {"flip": 1.5}):
        with pytest.raises(UserError, match=r"^data\.augmentation\."):
            ClipShifts(**settings)
