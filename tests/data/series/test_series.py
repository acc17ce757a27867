"""Series in memory: channels can become series of their own."""

import numpy as np
import pytest

from throughtime.data.series.series import SeriesSet, make_series
from throughtime.errors import UserError


def test_separate_channels_keep_every_value():
    values = np.arange(12.0).reshape(6, 2)
    separate = SeriesSet((make_series("pair", values),), ("left", "right")).separate()
    assert [series.name for series in separate] == ["left", "right"]
    assert np.array_equal(np.concatenate([series.values for series in separate], 1), values)
    assert separate.channels == ("value",)


def test_channels_of_several_series_are_named_after_both():
    many = SeriesSet(tuple(make_series(name, np.zeros((3, 2))) for name in "ab"), ("x", "y"))
    assert [series.name for series in many.separate()] == ["a/x", "a/y", "b/x", "b/y"]


def test_the_only_series_takes_the_name_of_the_only_one_of_training():
    one = SeriesSet((make_series("file", np.ones((3, 2))),), ("x", "y"))
    many = SeriesSet(tuple(make_series(name, np.zeros((3, 2))) for name in "ab"), ("x", "y"))
    (renamed,) = one.identified(["trained"])
    assert renamed.name == "trained" and np.array_equal(renamed.values, np.ones((3, 2)))
    assert one.identified(["a", "b"]) is one and many.identified(["trained"]) is many


def test_no_series_is_a_mistake_that_is_told():
    with pytest.raises(UserError, match="there is no series"):
        SeriesSet((), ("x",))
