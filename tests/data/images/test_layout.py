"""An image and its sequence hold the same pixels, whatever a step reads and in whatever order the steps come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.images.layout import ORDERS, STEPS, ImageLayout
from throughtime.errors import UserError


def image_of(height, width, channels):
    return np.arange(height * width * channels, dtype=np.float32).reshape(height, width, channels)


@settings(deadline=None)
@given(
    st.sampled_from(STEPS),
    st.sampled_from(ORDERS),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([1, 3]),
)
def test_the_image_comes_back(read, order, lines, cells, channels):
    layout = ImageLayout(read, 2, order)
    image = image_of(2 * lines, 2 * cells, channels)
    sequence = layout.sequence(image)
    assert sorted(sequence.ravel()) == sorted(image.ravel())
    assert sequence.shape[1] == np.prod(layout.frame_shape(image.shape)) == len(layout.channels(image.shape))
    np.testing.assert_array_equal(layout.image(sequence, image.shape), image)


def test_rows_columns_patches_and_pixels():
    image = image_of(4, 4, 1)
    assert ImageLayout("rows").sequence(image)[1].tolist() == [4, 5, 6, 7]
    assert ImageLayout("columns").sequence(image)[1].tolist() == [1, 5, 9, 13]
    assert ImageLayout("patches", 2).sequence(image)[1].tolist() == [2, 3, 6, 7]
    assert ImageLayout("pixels").sequence(image)[:, 0].tolist() == list(range(16))
    assert ImageLayout("pixels", order="snake").sequence(image)[:, 0].tolist()[:8] == [0, 1, 2, 3, 7, 6, 5, 4]


def test_the_features_of_a_step_are_ordered_as_a_frame():
    image = image_of(2, 2, 3)
    frame = ImageLayout("patches", 2).sequence(image)[0].reshape(3, 2, 2)
    np.testing.assert_array_equal(frame, image.transpose(2, 0, 1))


def test_a_permutation_is_that_of_its_seed():
    image = image_of(8, 8, 1)
    one, same, other = (ImageLayout("pixels", 1, "permuted", seed).sequence(image) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_patches_must_cover_the_image():
    with pytest.raises(UserError, match=r"data\.source\.patch=3 does not divide images of 8 x 8"):
        ImageLayout("patches", 3).frame_shape((8, 8, 1))


@pytest.mark.parametrize("given", [{"read": "diagonals"}, {"order": "random"}, {"patch": 0}])
def test_unknown_settings_are_refused(given):
    with pytest.raises(UserError, match=r"^data\.source\."):
        ImageLayout(**given)
