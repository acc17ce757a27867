"""Digits that move."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.labelled.splits import split_sequences
from throughtime.data.video.moving_digits import DIRECTIONS, MovingDigits
from throughtime.errors import UserError

SIDE, FRAMES, STEP = 15, 4, 2


@pytest.fixture(scope="module")
def clips():
    return MovingDigits("direction", side=SIDE, frames=FRAMES, step=STEP, clips=2).shipped()


def test_a_whole_digit_moves_in_its_direction(clips):
    clips.check()
    images = load_digits().images / 16
    for number in range(0, len(clips), 97):
        frames = clips.sequences[number].reshape(FRAMES, SIDE, SIDE)
        down, right = DIRECTIONS[clips.labels[number]]
        for before, after in pairwise(frames):
            np.testing.assert_array_equal(np.roll(before, (down * STEP, right * STEP), (0, 1)), after)
        np.testing.assert_allclose(frames.sum((1, 2)), images[number // 2].sum(), rtol=1e-5)


def test_a_clip_backwards_moves_the_other_way(clips):
    opposite = {
        one: next(b for b, v in DIRECTIONS.items() if v == (-d, -r)) for one, (d, r) in DIRECTIONS.items()
    }
    assert set(clips.labels) == set(DIRECTIONS)
    number = clips.labels.index("up left")
    frames = clips.sequences[number][::-1].reshape(FRAMES, SIDE, SIDE)
    down, right = DIRECTIONS[opposite["up left"]]
    np.testing.assert_array_equal(np.roll(frames[0], (down * STEP, right * STEP), (0, 1)), frames[1])


def test_no_source_digit_is_in_two_parts(clips):
    parts = split_sequences(clips, (0.7, 0.1, 0.2), by_group=True)
    where = defaultdict(set)
    for name, numbers in parts.items():
        for number in numbers:
            where[clips.groups[number]].add(name)
    assert len(where) == 1797 and all(len(names) == 1 for names in where.values())
    assert abs(len(parts["test"]) / len(clips) - 0.2) < 0.02


def test_clips_follow_from_their_seed_and_the_label_leaves_them_alone(clips):
    again = MovingDigits("digit", side=SIDE, frames=FRAMES, step=STEP).shipped()
    other = MovingDigits(side=SIDE, frames=FRAMES, step=STEP, clip_seed=2).shipped()
    np.testing.assert_array_equal(np.stack(clips.sequences[::2]), np.stack(again.sequences))
    assert not np.array_equal(np.stack(again.sequences), np.stack(other.sequences))
    assert again.labels == [str(target) for target in load_digits().target]


def test_noise_is_on_every_frame_anew():
    noisy = MovingDigits(side=SIDE, frames=FRAMES, step=STEP, noise=0.2).shipped().sequences[5]
    plain = MovingDigits(side=SIDE, frames=FRAMES, step=STEP).shipped().sequences[5]
    difference = noisy - plain
    assert 0.15 < difference.std() < 0.25 and abs(np.corrcoef(difference[0], difference[1])[0, 1]) < 0.2


def test_files_are_read_as_frames_of_this_size(tmp_path):
    for number in range(3):
        Image.fromarray(np.full((40, 60), 80 * number, np.uint8)).save(tmp_path / f"{number}.png")
    source = source_from_state(source_state(MovingDigits(side=12, frames=5)))
    found = source.read_for_prediction([tmp_path])
    assert found.sequences[0].shape == (3, 144) and found.frame_shape == (1, 12, 12)
    assert found.channels == source.shipped().channels


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"data\.source\.side=20 is too small: .* needs 26"):
        MovingDigits(frames=10, step=2)
    with pytest.raises(UserError, match="clips"):
        MovingDigits(clips=0)
    with pytest.raises(UserError, match="label=speed is not known"):
        MovingDigits("speed")
    with pytest.raises(UserError, match="noise"):
        MovingDigits(noise=-1)
    with pytest.raises(UserError, match="read from no file"):
        MovingDigits().read("clips")
