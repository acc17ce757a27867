"""Temporal order: the class is the order of the relevant symbols, which stand in their parts of the sequence."""

import numpy as np
import pytest

from throughtime.data.synthetic.temporal_order import TemporalOrder
from throughtime.errors import UserError


@pytest.mark.parametrize("relevant", [2, 3])
@pytest.mark.parametrize("length", [10, 105])
def test_the_class_is_the_order_of_the_relevant_symbols(relevant: int, length: int) -> None:
    inputs, targets, mask = TemporalOrder(relevant).draw(np.random.default_rng(0), 200, length)
    assert (inputs[0] == 6).all() and (inputs[-1] == 7).all()
    assert mask[-1].all() and not mask[:-1].any()
    for lane in range(200):
        found = "".join("XY"[symbol - 4] for symbol in inputs[:, lane] if symbol in (4, 5))
        assert len(found) == relevant
        assert targets[-1, lane] == int(found.replace("X", "0").replace("Y", "1"), 2)


def test_the_places_are_those_of_the_paper() -> None:
    inputs, _, _ = TemporalOrder().draw(np.random.default_rng(0), 500, 100)
    places = np.stack([np.flatnonzero(np.isin(lane, (4, 5))) for lane in inputs.T])
    assert (places.min(0) == (10, 50)).all() and (places.max(0) == (19, 59)).all()


def test_another_number_of_symbols_is_an_error() -> None:
    with pytest.raises(UserError, match=r"data\.rule\.relevant=4 must be 2 .* or 3"):
        TemporalOrder(4)
