"""What every decoder promises, whatever it chooses by."""

import itertools

import pytest
import torch

from throughtime.decode.base import Decoder
from throughtime.decode.beam import Beam
from throughtime.decode.greedy import Greedy
from throughtime.decode.sampling import Sampling

DECODERS = [Greedy(), Sampling(), Sampling(0.7, top_k=3, top_p=0.9), Sampling(0.0), Beam(3), Beam(3, 1.0)]


def write(decoder: Decoder, model, length: int, batch_size: int = 1, end: int | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.stack(list(decoder(model.step, *model.start(batch_size), length, generator, end)))


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_writes_as_many_symbols_as_asked_and_steps_only_for_those_it_writes(decoder, toy):
    model = toy()
    assert write(decoder, model, length=9).shape == (9, 1)
    assert model.steps == 8


@pytest.mark.parametrize("decoder", DECODERS)
def test_no_symbols_are_no_steps(decoder, toy):
    model = toy()
    assert list(decoder(model.step, *model.start(), 0, torch.Generator())) == []
    assert model.steps == 0


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_same_seed_writes_the_same_and_the_global_random_numbers_stay(decoder, toy):
    before = torch.random.get_rng_state()
    first = write(decoder, toy(), length=30)
    assert torch.equal(first, write(decoder, toy(), length=30))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_state_that_a_decoder_starts_from_is_not_changed(decoder, toy):
    model = toy()
    log_probabilities, state = model.start()
    copies = log_probabilities.clone(), state[0].hidden.clone()
    list(decoder(model.step, log_probabilities, state, 6, torch.Generator().manual_seed(0)))
    assert torch.equal(copies[0], log_probabilities) and torch.equal(copies[1], state[0].hidden)


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_consumer_of_a_decoder_is_not_put_into_inference_mode(decoder, toy):
    model = toy()
    for _ in decoder(model.step, *model.start(), 3, torch.Generator().manual_seed(0)):
        assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("end", range(5))
def test_one_lane_stops_at_the_end_symbol(decoder, toy, end):
    written = write(decoder, toy(), length=40, end=end).flatten().tolist()
    assert end not in written[:-1]
    assert written[-1] == end or len(written) == 40


@pytest.mark.parametrize("decoder", DECODERS[:4])
def test_a_lane_that_has_ended_repeats_the_end_while_others_go_on(decoder, toy):
    lanes = write(decoder, toy(), length=40, batch_size=5, end=2).T.tolist()
    for lane in lanes:
        after = list(itertools.dropwhile(lambda symbol: symbol != 2, lane))
        assert set(after) <= {2}
    assert any(lane[-2] != 2 for lane in lanes)


@pytest.mark.parametrize("decoder", [Greedy(), Sampling(0.0)])
def test_lanes_do_not_touch_each_other(decoder, toy):
    model = toy()
    together = write(decoder, model, length=12, batch_size=3)
    log_probabilities, state = model.start(3)
    alone = list(decoder(model.step, log_probabilities[2:], (type(state[0])(state[0].hidden[2:]),), 12))
    assert torch.equal(together[:, 2:], torch.stack(alone))
