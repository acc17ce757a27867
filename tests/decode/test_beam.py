"""Beam search lies between greedy decoding and looking at every sequence."""

import itertools

import pytest
import torch

from throughtime.decode.beam import Beam
from throughtime.decode.greedy import Greedy
from throughtime.errors import UserError


def every_sequence(model, length: int, end: int | None) -> dict[tuple[int, ...], float]:
    """log p of all sequences of `length` symbols, or shorter ones that end."""
    found = {}
    for ids in itertools.product(range(len(model.embedding)), repeat=length):
        if end in ids:
            ids = ids[: ids.index(end) + 1]
        log_p, state = model.start()
        total = 0.0
        for symbol in ids:
            total += log_p[0, symbol].item()
            log_p, state = model.step(torch.tensor([symbol]), state)
        found[ids] = total
    return found


@pytest.mark.parametrize("end", [None, 0, 3])
@pytest.mark.parametrize("seed", range(5))
def test_a_width_of_one_is_greedy(toy, seed, end):
    def write(decoder):
        model = toy(seed=seed)
        return [ids.item() for ids in decoder(model.step, *model.start(), 25, None, end)]

    assert write(Beam(1)) == write(Greedy())


@pytest.mark.parametrize("end", [None, 0, 2])
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_width_of_all_sequences_finds_the_best_of_all(toy, seed, length_penalty, end):
    model = toy(vocabulary=3, seed=seed, sharpness=0.7)
    everything = every_sequence(model, 4, end)
    found = Beam(3**4, length_penalty).search(model.step, *model.start(), 4, end)
    assert {tuple(hypothesis.ids) for hypothesis in found} == set(everything)
    best = max(everything, key=lambda ids: everything[ids] / len(ids) ** length_penalty)
    assert tuple(found[0].ids) == best
    for hypothesis in found:
        assert hypothesis.log_probability == pytest.approx(everything[tuple(hypothesis.ids)])


@pytest.mark.parametrize("width", [2, 3, 8])
@pytest.mark.parametrize("end", [None, 1])
def test_the_log_probability_of_a_hypothesis_is_that_of_its_symbols(toy, width, end):
    """Fails where a lane goes on with another lane's state."""
    model = toy(seed=4)
    for hypothesis in Beam(width).search(model.step, *model.start(), 10, end):
        log_p, state = model.start()
        total = 0.0
        for symbol in hypothesis.ids:
            total += log_p[0, symbol].item()
            log_p, state = model.step(torch.tensor([symbol]), state)
        assert hypothesis.log_probability == pytest.approx(total)


def test_what_the_model_rules_out_is_never_written(toy):
    model = toy()

    def step(ids, state):
        log_p, state = model.step(ids, state)
        return log_p.index_fill(1, torch.tensor([0, 1, 2]), -torch.inf), state

    for hypothesis in Beam(8).search(step, *model.start(), 6):
        assert not {0, 1, 2} & set(hypothesis.ids[1:])


def test_one_sample_only(toy):
    model = toy()
    with pytest.raises(UserError, match="one sample at a time, not 3"):
        Beam(2)(model.step, *model.start(3), 5)


def test_a_width_below_one_is_refused():
    with pytest.raises(UserError, match="width"):
        Beam(0)
