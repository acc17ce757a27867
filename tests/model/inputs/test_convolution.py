"""The convolutional input layer."""

import pytest
import torch
from torch.nn import functional

from throughtime.errors import UserError
from throughtime.model.inputs.convolution import Convolution


def front(shape=(2, 6, 9), **arguments):
    channels, height, width = shape
    torch.manual_seed(1)
    return Convolution(input_size=channels * height * width, frame_shape=shape, **arguments)


def test_every_step_is_read_alone_and_alike():
    layer, inputs = front(), torch.randn(5, 3, 108)
    whole = layer(inputs)
    assert whole.shape == (5, 3, 64)
    assert torch.allclose(layer(inputs[2]), whole[2], atol=1e-6)
    assert torch.allclose(layer(inputs[2:3, 1:2]), whole[2:3, 1:2], atol=1e-6)


def test_it_is_the_convolution_of_the_image_of_channels_rows_and_columns():
    layer, inputs = front(filters=[4], pool=1, size=None), torch.randn(1, 1, 108)
    only = layer.convolutions[0]
    image = inputs.reshape(1, 2, 6, 9)
    expected = torch.relu(functional.conv2d(functional.pad(image, (1, 1, 1, 1)), only.weight, only.bias))
    assert torch.allclose(layer(inputs), expected.flatten()[None, None], atol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_a_reduction_over_pixels_does_not_depend_on_where_the_object_is(reduction):
    layer = front((1, 12, 12), pool=1, reduction=reduction)
    image = torch.zeros(1, 12, 12)
    image[0, 4:7, 4:7] = torch.randn(3, 3)
    moved = image.roll((1, -1), (1, 2))
    assert torch.allclose(layer(image.reshape(1, 1, -1)), layer(moved.reshape(1, 1, -1)), atol=1e-5)
    assert not torch.allclose(*(front((1, 12, 12))(one.reshape(1, 1, -1)) for one in (image, moved)))


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 1, 8), 32 * 2), ((3, 7, 1), 32), ((1, 2, 2), 32), ((1, 64, 48), 32 * 16 * 12)]
)
def test_an_axis_shorter_than_a_region_is_taken_whole(shape, size):
    layer = front(shape, filters=[16, 32], size=None)
    assert layer.output_size == size
    assert layer(torch.randn(2, 3, shape[0] * shape[1] * shape[2])).shape == (2, 3, size)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"input_size": 4}, "numbers without the shape of an image; choose model/inputs=by_kind"),
        ({"vocabulary_size": 9}, "these data give ids"),
        ({"input_size": 3, "frame_shape": [3, 1, 1]}, "a single pixel"),
        ({"input_size": 5, "frame_shape": [1, 2, 2]}, "5 numbers, which are no image"),
    ],
)
def test_steps_that_are_no_images_are_refused(sizes, message):
    with pytest.raises(UserError, match=message):
        Convolution(**sizes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": 4}, r"kernel=4 must be odd"),
        ({"filters": []}, "filters is empty"),
        ({"filters": [4, 0]}, r"filters\[1\]"),
        ({"pool": 0}, "pool"),
        ({"size": 0}, "size"),
        ({"reduction": "sum"}, "reduction=sum"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(UserError, match=message):
        front(**arguments)
