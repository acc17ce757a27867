"""Scheduled sampling: how often the decoder reads the truth."""

from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.model.forecast.encoder_decoder import EncoderDecoder
from throughtime.model.inputs.linear import Linear
from throughtime.model.layers.stack import Stack


def build(**options) -> EncoderDecoder:
    sizes = {"channels": 1, "history_size": 1, "known_size": 0}
    return EncoderDecoder(Linear, Stack, partial(GRU, hidden_size=4), Auto(), **sizes, **options)


def test_the_probability_of_truth_begins_at_its_value_and_falls_to_0():
    model = build(teacher_forcing=0.8, decay=10.0)
    shares = []
    for step in (0, 10, 30, 100, 10**6):
        model.steps_taken.fill_(step)
        shares.append(model.truth_probability())
    assert shares[0] == pytest.approx(0.8) and shares == sorted(shares, reverse=True) and shares[-1] < 1e-9


def test_the_training_step_is_part_of_a_checkpoint():
    assert "steps_taken" in build().state_dict()
    assert build(teacher_forcing=0.5).truth_probability() == 0.5


def test_mistakes_are_told():
    with pytest.raises(UserError, match=r"teacher_forcing=1\.5 must be a probability"):
        build(teacher_forcing=1.5)
    with pytest.raises(UserError, match="decay"):
        build(decay=0.0)


def test_random_draws_come_from_the_global_generator_in_training_alone():
    from throughtime.data.window import Window

    series = torch.zeros(2, dtype=torch.int64)
    window = Window(
        torch.randn(6, 2, 1), torch.zeros(9, 2, 0), series, series, torch.zeros(9, 2, 1), torch.ones(2, 1)
    )
    model, truth = build(teacher_forcing=0.5), torch.randn(3, 2, 1)
    state = torch.get_rng_state()
    model.forecast(window, lambda features: features[..., :1])
    assert torch.equal(state, torch.get_rng_state())
    model.forecast(window, lambda features: features[..., :1], truth)
    assert not torch.equal(state, torch.get_rng_state())
