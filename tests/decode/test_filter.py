"""Temperature, top-k and top-p keep what their definitions say, for any distribution."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from throughtime.decode.filter import apply_temperature, keep_top_k, keep_top_p

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
