"""Convolutional input layer: the features of a step that is an image."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_choice, check_fraction, check_positive

REDUCTIONS = ("flatten", "mean", "max")


class Convolution(nn.Module):
    """A convolutional network that reads the image of each step alone, with the same weights at every step.

        h_0 = x_t [C, height, width],   h_n = maxpool(relu(W_n * h_{n-1} + b_n)),   y_t = V r(h_N) + c

    A convolution keeps the sides of its image (padding with zeros); pooling divides them by `pool`, and an axis that is
    shorter than `pool` is taken whole. r puts all pixels of all filters side by side, or takes the mean or the largest
    value of each filter. Weights are initialised after He et al. 2015, arXiv 1502.01852.

    Args:
        input_size: the numbers of a step.
        frame_shape: (channels, height, width) of the numbers of a step.
        vocabulary_size: of data that are ids; they are refused.
        filters: of each convolution, in their order.
        kernel: the sides of a filter in pixels; odd, so that it has a middle.
        pool: the sides of the regions of which the largest value is kept; 1 for no pooling.
        reduction: r: `flatten`, `mean` or `max`.
        size: the features of y; None for r(h_N) itself.
        dropout: the fraction of features of y that are dropped in training.

    Attributes:
        output_size: the features of y.

    Raises:
        UserError: the steps are no images, or an argument is out of its range.
    """

    def __init__(
        self,
        input_size: int | None = None,
        frame_shape: Sequence[int] | None = None,
        vocabulary_size: int | None = None,
        filters: Sequence[int] = (16, 32, 64),
        kernel: int = 3,
        pool: int = 2,
        reduction: str = "flatten",
        size: int | None = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels, height, width = _checked_shape(frame_shape, input_size, vocabulary_size)
        check_positive(**{"model.front.kernel": kernel, "model.front.pool": pool})
        check_positive(**{f"model.front.filters[{place}]": count for place, count in enumerate(filters)})
        check_positive(**{"model.front.size": 1 if size is None else size})
        check_choice(REDUCTIONS, **{"model.front.reduction": reduction})
        check_fraction(**{"model.front.dropout": dropout})
        if not filters:
            raise UserError(
                "model.front.filters is empty; give the filters of each convolution, as in [16,32]"
            )
        if kernel % 2 == 0:
            raise UserError(f"model.front.kernel={kernel} must be odd, so that a filter has a middle")
        self.frame_shape = (channels, height, width)
        self.reduction = reduction
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, kernel, padding=kernel // 2)
            for before, after in pairwise((channels, *filters))
        )
        for convolution in self.convolutions:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)
        self.regions: list[tuple[int, int]] = []
        for _ in filters:
            region = (min(pool, height), min(pool, width))
            height, width = height // region[0], width // region[1]
            self.regions.append(region)
        reduced = filters[-1] * (height * width if reduction == "flatten" else 1)
        self.map = nn.Identity() if size is None else nn.Linear(reduced, size)
        self.dropout = nn.Dropout(dropout)
        self.output_size = reduced if size is None else size

    def forward(self, inputs: Float[Tensor, "*T I"]) -> Float[Tensor, "*T O"]:
        images = inputs.reshape(-1, *self.frame_shape)
        for convolution, region in zip(self.convolutions, self.regions, strict=True):
            images = torch.relu(convolution(images))
            if region != (1, 1):
                images = functional.max_pool2d(images, region)
        if self.reduction == "mean":
            features = images.mean((2, 3))
        elif self.reduction == "max":
            features = images.amax((2, 3))
        else:
            features = images.flatten(1)
        return self.dropout(self.map(features)).reshape(*inputs.shape[:-1], self.output_size)


def _checked_shape(
    shape: Sequence[int] | None, input_size: int | None, vocabulary_size: int | None
) -> tuple[int, int, int]:
    """(channels, height, width) of a step.

    Raises:
        UserError: a step is no image, or one of a single pixel.
    """
    instead = (
        "choose model/inputs=by_kind, or data whose steps are images (video, rows and patches of images, or "
        "log-mel spectra of recordings)"
    )
    if shape is None:
        kind = "numbers without the shape of an image" if vocabulary_size is None else "ids"
        raise UserError(
            f"model/inputs=convolution reads a step as an image, but these data give {kind}; {instead}"
        )
    channels, height, width = shape
    if height * width == 1:
        raise UserError(f"model/inputs=convolution: a step of these data is a single pixel; {instead}")
    if math.prod(shape) != input_size:
        raise UserError(
            f"a step has {input_size} numbers, which are no image of {channels} channels and {height} x {width} pixels"
        )
    return channels, height, width
