"""A shifted image is the image moved, in whatever way it is read."""

import numpy as np
import pytest
from toy_sequences import ToySource

from throughtime.data.images.digits import Digits
from throughtime.data.images.shifts import Shifts
from throughtime.errors import UserError


@pytest.mark.parametrize("read", ["rows", "columns", "patches", "pixels"])
@pytest.mark.parametrize("order", ["raster", "permuted"])
def test_the_inner_pixels_move_together(read, order):
    source = Digits(read, order=order)
    sequence = source.shipped().sequences[7]
    shifts = Shifts(2)
    shifts.connect(source)
    image = source.layout.image(sequence, (8, 8, 1))[..., 0]
    found = set()
    for seed in range(60):
        moved = source.layout.image(shifts(sequence, np.random.default_rng(seed)), (8, 8, 1))[..., 0]
        padded = np.pad(image, 2)
        matches = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if np.array_equal(moved, padded[2 - down : 10 - down, 2 - right : 10 - right])
        ]
        assert matches
        found.update(matches)
    assert {down for down, _ in found} == {right for _, right in found} == {-2, -1, 0, 1, 2}


def test_shifts_need_images_that_are_larger():
    with pytest.raises(UserError, match="shifts need images"):
        Shifts().connect(ToySource())
    with pytest.raises(UserError, match="out of sight"):
        Shifts(8).connect(Digits())
