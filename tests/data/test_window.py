"""A window knows its way back to the data's units."""

import torch

from throughtime.data.window import Window


def test_relative_values_and_the_datas_units():
    window = Window(
        history=torch.ones(3, 2, 1),
        known=torch.zeros(5, 2, 0),
        series=torch.tensor([0, 1]),
        origin=torch.tensor([3, 7]),
        location=torch.full((5, 2, 1), 10.0),
        scale=torch.tensor([[2.0], [4.0]]),
    )
    assert (window.steps, window.horizon) == (3, 2)
    assert window.original_history()[0, :, 0].tolist() == [12, 14]
    assert window.original(torch.zeros(2, 2, 1)).unique().tolist() == [10]
    assert window.original(torch.zeros(4, 2, 2, 1)).shape == (4, 2, 2, 1)
    assert window.future().shape == (2, 2, 0)


def test_some_lanes_are_those_windows():
    lanes = torch.arange(4.0)
    window = Window(
        history=lanes.view(1, 4, 1).expand(3, 4, 2),
        known=lanes.view(1, 4, 1).expand(5, 4, 1),
        series=lanes.long(),
        origin=lanes.long(),
        location=lanes.view(1, 4, 1).expand(5, 4, 1),
        scale=lanes.view(4, 1),
    )
    chosen = window.lanes(slice(1, None, 2))
    assert (chosen.steps, chosen.horizon) == (3, 2)
    for name in ("history", "known", "series", "origin", "location", "scale"):
        assert getattr(chosen, name).unique().tolist() == [1, 3], name
