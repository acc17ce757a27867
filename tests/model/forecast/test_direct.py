"""The direct model places every step of the horizon."""

from functools import partial

import torch

from throughtime.cell.gru import GRU
from throughtime.engine.auto import Auto
from throughtime.model.forecast.direct import Direct
from throughtime.model.inputs.linear import Linear
from throughtime.model.layers.stack import Stack


def test_without_covariates_there_is_no_weight_for_them():
    parts = {"front": Linear, "layers": Stack, "cell": partial(GRU, hidden_size=4), "engine": Auto()}
    model = Direct(**parts, history_size=1, known_size=0, horizon=6, size=3)
    assert model.covariates is None and model.place.shape == (6, 1, 3)
    assert not torch.equal(model.place[0], model.place[1])
