"""A split is in order of time, without gaps, and uses every step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.series.split import check_series_split, split_spans
from throughtime.errors import UserError


@given(st.integers(0, 500), st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.25, 0.25), (1.0, 0.0, 0.0)]))
def test_shares_cover_every_step_once(length, split):
    spans = list(split_spans(length, split).values())
    assert [span.start for span in spans] == [0, spans[0].stop, spans[1].stop]
    assert spans[-1].stop == length


def test_lengths_are_counted_from_the_beginning():
    assert split_spans(17420, (8640, 2880, 2880))["test"] == (11520, 14400)
    assert split_spans(10, (8, 4, 4)) == {"train": (0, 8), "val": (8, 10), "test": (10, 10)}


@pytest.mark.parametrize(
    "split", [(0.7, 0.3), (0.7, 0.2, 0.2), (0, 0.5, 0.5), (0.5, -0.1, 0.6), (100, 0.1, 0.2)]
)
def test_other_splits_are_refused(split):
    with pytest.raises(UserError, match=r"data\.split"):
        check_series_split(split)


def test_whole_fractions_are_no_lengths():
    assert split_spans(10, check_series_split((1, 0, 0))) == {
        "train": (0, 10),
        "val": (10, 10),
        "test": (10, 10),
    }
