"""Frames as the features of steps."""

import numpy as np

from throughtime.data.video.frames import frames_to_sequence, pixel_names


def test_features_are_ordered_colour_row_column_as_their_names_say():
    frames = np.random.default_rng(0).random((4, 2, 3, 3)).astype(np.float32)
    sequence = frames_to_sequence(frames)
    assert sequence.shape == (4, 18) and sequence.dtype == np.float32
    place = pixel_names(3, 2, 3).index("green row 2 column 3")
    np.testing.assert_array_equal(sequence[:, place], frames[:, 1, 2, 1])
    assert pixel_names(1, 1, 2) == ("row 1 column 1", "row 1 column 2")
