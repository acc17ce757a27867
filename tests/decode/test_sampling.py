"""Sampling draws from the distribution it says, and is reproducible."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from throughtime.decode.greedy import Greedy
from throughtime.decode.sampling import Sampling, apply_temperature, draw, keep_top_k, keep_top_p
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


weights = some.lists(some.integers(0, 20), min_size=1, max_size=12).filter(lambda row: sum(row) > 0)


def log_probabilities(row: list[int]) -> torch.Tensor:
    """Small integer weights, so that ties and symbols of no probability are common."""
    tensor = torch.tensor([row], dtype=torch.float64)
    return (tensor / tensor.sum()).log()


def kept(filtered: torch.Tensor) -> torch.Tensor:
    return (filtered > -torch.inf)[0]


@given(weights, some.floats(1e-3, 1.0))
@settings(max_examples=300, deadline=None)
def test_the_nucleus_has_the_mass_p_and_no_smaller_set_has(row, p):
    log_p = log_probabilities(row)
    stays = kept(keep_top_p(log_p, p))
    probabilities = log_p.exp()[0]
    mass = probabilities[stays].sum()
    assert mass >= p - 1e-12
    assert mass - probabilities[stays].min() < p + 1e-12
    if not stays.all():
        assert probabilities[stays].min() >= probabilities[~stays].max()


@given(weights, some.integers(1, 15))
@settings(max_examples=300, deadline=None)
def test_top_k_keeps_the_k_most_probable_and_all_where_there_are_fewer(row, k):
    log_p = log_probabilities(row)
    stays = kept(keep_top_k(log_p, k))
    possible = int(kept(log_p).sum())
    assert int(stays.sum()) == min(k, possible)
    if stays.any() and not stays.all():
        assert log_p[0][stays].min() >= log_p[0][~stays].max()


@given(weights, some.integers(1, 15), some.floats(1e-3, 1.0))
@settings(max_examples=100, deadline=None)
def test_what_stays_keeps_its_log_probability_and_what_is_out_stays_out(row, k, p):
    log_p = log_probabilities(row)
    for filtered in (keep_top_k(log_p, k), keep_top_p(log_p, p), keep_top_p(keep_top_k(log_p, k), p)):
        stays = kept(filtered)
        assert stays.any()
        assert torch.equal(filtered[0][stays], log_p[0][stays])
        assert not (stays & ~kept(log_p)).any()


@given(weights, some.floats(0.05, 20))
@settings(max_examples=100, deadline=None)
def test_temperature_raises_probabilities_to_its_inverse(row, temperature):
    log_p = log_probabilities(row)
    powers = log_p.exp() ** (1 / temperature)
    torch.testing.assert_close(apply_temperature(log_p, temperature).softmax(-1), powers / powers.sum())


@given(weights)
@settings(max_examples=100, deadline=None)
def test_a_temperature_near_nought_leaves_the_most_probable_symbols_alone(row):
    log_p = log_probabilities(row)
    best = (log_p == log_p.max()).double()
    torch.testing.assert_close(apply_temperature(log_p, 1e-30).softmax(-1), best / best.sum())


def test_filters_treat_each_lane_by_itself():
    lanes = torch.randn(4, 9, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    for keep in (
        lambda x: keep_top_k(x, 3),
        lambda x: keep_top_p(x, 0.6),
        lambda x: apply_temperature(x, 0.5),
    ):
        assert torch.equal(keep(lanes), torch.cat([keep(lane[None]) for lane in lanes]))
