"""Sampling draws from the distribution it says, and is reproducible."""

import pytest
import torch

from throughtime.decode.greedy import Greedy
from throughtime.decode.sampling import Sampling, draw
from throughtime.errors import UserError


def test_the_frequencies_of_draws_are_the_probabilities():
    probabilities = torch.tensor([0.0, 0.1, 0.0, 0.6, 0.3, 0.0])
    lanes = 40_000
    ids = draw(probabilities.log().expand(lanes, 6), torch.Generator().manual_seed(0))
    frequencies = torch.bincount(ids, minlength=6) / lanes
    assert frequencies[probabilities == 0].sum() == 0
    torch.testing.assert_close(frequencies, probabilities, atol=4 * (0.25 / lanes) ** 0.5, rtol=0)


def test_draws_need_no_normalised_distribution():
    log_p = torch.randn(200, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    one, other = torch.Generator().manual_seed(2), torch.Generator().manual_seed(2)
    assert torch.equal(draw(log_p, one), draw(log_p.log_softmax(-1), other))


def test_a_certain_symbol_is_always_drawn():
    log_p = torch.full((1000, 3), -torch.inf).index_fill(1, torch.tensor([1]), -5.0)
    assert (draw(log_p, torch.Generator().manual_seed(0)) == 1).all()


@pytest.mark.parametrize("greedy", [Sampling(0.0), Sampling(1e-6), Sampling(top_k=1), Sampling(top_p=1e-6)])
def test_each_filter_at_its_limit_is_greedy(greedy, toy):
    def write(decoder):
        model = toy()
        return torch.stack(list(decoder(model.step, *model.start(4), 50, torch.Generator().manual_seed(0))))

    assert torch.equal(write(greedy), write(Greedy()))


def test_only_the_k_most_probable_symbols_are_ever_drawn(toy):
    model = toy()
    log_p, _ = model.start()
    decoder = Sampling(temperature=50.0, top_k=2)
    best = set(log_p.topk(2).indices[0].tolist())
    first = {
        next(iter(decoder(model.step, *model.start(), 1, torch.Generator().manual_seed(seed)))).item()
        for seed in range(50)
    }
    assert first == best


def test_different_seeds_write_differently(toy):
    model = toy()
    texts = [
        torch.stack(list(Sampling()(model.step, *model.start(), 40, torch.Generator().manual_seed(seed))))
        for seed in (0, 1)
    ]
    assert not torch.equal(*texts)


def test_sampling_without_a_generator_is_refused_before_the_first_step(toy):
    model = toy()
    with pytest.raises(ValueError, match="generator"):
        Sampling()(model.step, *model.start(), 3)


@pytest.mark.parametrize(
    "arguments",
    [{"temperature": -1.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}, {"temperature": float("nan")}],
)
def test_values_that_mean_nothing_are_named(arguments):
    with pytest.raises(UserError, match=next(iter(arguments))):
        Sampling(**arguments)
