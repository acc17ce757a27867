"""Distortions of images: each does what its equation says, in whatever way the image is read."""

import numpy as np
import pytest
from toy_sequences import ToySource

from throughtime.data.images.digits import Digits
from throughtime.data.images.image_distortions import LARGEST, ImageDistortions
from throughtime.data.images.shifts import Shifts
from throughtime.errors import UserError


def distorted(image, seed=0, source=None, **arguments):
    """An image [8, 8] under one draw of distortions."""
    source = Digits("pixels") if source is None else source
    distortions = ImageDistortions(**arguments)
    distortions.connect(source)
    sequence = source.layout.sequence(image[..., None].astype(np.float32))
    return source.layout.image(distortions(sequence, np.random.default_rng(seed)), (8, 8, 1))[..., 0]


@pytest.fixture
def blob():
    """A blurred square, which no distortion of a few pixels moves out of the image."""
    image = np.zeros((8, 8))
    image[2:6, 3:5] = 1
    return image


def test_without_deviations_only_whole_pixels_move(blob):
    shifts = Shifts(2)
    source = Digits("pixels")
    shifts.connect(source)
    sequence = source.layout.sequence(blob[..., None])
    for seed in range(9):
        expected = source.layout.image(shifts(sequence, np.random.default_rng(seed)), (8, 8, 1))[..., 0]
        assert np.array_equal(distorted(blob, seed, pixels=2), expected)


def test_the_distortion_of_an_image_does_not_depend_on_how_it_is_read(blob):
    moves = {"rotation": 10, "scale": 0.1, "slant": 0.2, "translation": 0.5, "bend": 0.3}
    sources = [Digits("rows"), Digits("pixels", order="permuted"), Digits("patches", 2, order="snake")]
    images = [distorted(blob, 5, source, **moves) for source in sources]
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[2])
    assert not np.array_equal(images[0], blob)


def test_a_translation_moves_the_centre_and_keeps_the_ink(blob):
    rows, columns = np.mgrid[:8, :8]
    moves = []
    for seed in range(40):
        moved = distorted(blob, seed, translation=0.4)
        assert moved.sum() == pytest.approx(blob.sum(), rel=1e-5)
        weights = moved / moved.sum()
        moves.append([(weights * rows).sum() - 3.5, (weights * columns).sum() - 3.5])
    assert np.std(moves, axis=0) == pytest.approx([0.4, 0.4], rel=0.4)


def test_a_rotation_turns_the_axis_by_normal_angles_and_keeps_the_middle(blob):
    rows, columns = np.mgrid[:8, :8] - 3.5
    angles = []
    for seed in range(60):
        weights = distorted(blob, seed, rotation=10)
        weights = weights / weights.sum()
        assert [(weights * rows).sum(), (weights * columns).sum()] == pytest.approx([0, 0], abs=1e-5)
        covariance = (weights * rows * columns).sum()
        spread = (weights * rows**2).sum() - (weights * columns**2).sum()
        angles.append(np.degrees(np.arctan2(2 * covariance, spread) / 2))
    assert np.std(angles) == pytest.approx(10, rel=0.3)
    assert abs(np.mean(angles)) < 4


def test_a_slant_keeps_each_row(blob):
    for seed in range(9):
        moved = distorted(blob, seed, slant=0.3)
        assert moved.sum(1) == pytest.approx(blob.sum(1), rel=1e-5)
        assert not np.array_equal(moved, blob)


def test_what_comes_in_is_filled_and_noise_has_its_deviation():
    grey = np.full((8, 8), 0.5)
    assert np.array_equal(
        distorted(grey, 3, scale=0.4, rotation=30, translation=2, fill=0.5), grey.astype("f")
    )
    noise = np.array([distorted(grey, seed, noise=0.1) for seed in range(40)]) - 0.5
    assert noise.std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("name", LARGEST)
def test_a_deviation_that_is_no_deviation_is_named(name):
    for value in (-0.1, 2 * LARGEST[name]):
        with pytest.raises(UserError, match=rf"data\.augmentation\.{name}="):
            ImageDistortions(**{name: value})


def test_distortions_need_images():
    with pytest.raises(UserError, match="need images"):
        ImageDistortions(rotation=5).connect(ToySource())
