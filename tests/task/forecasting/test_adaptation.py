"""Intervals that follow what becomes known cover as often as they should, whatever the series does."""

import numpy as np
import pytest
import torch

from throughtime.distributed.collectives import rank, world_size
from throughtime.task.forecasting.adaptation import Adaptation

LEVELS, HORIZON, STEP = [0.025, 0.1], 3, 0.05


def adaptation(kept: tuple = (), start: float = 1.0) -> Adaptation:
    return Adaptation(LEVELS, torch.full((2, HORIZON), start), torch.full((HORIZON,), STEP), kept)


def scores_of(values: np.ndarray) -> torch.Tensor:
    """Scores of forecasts from every origin: of s steps ahead the value at origin + s, for both pairs alike."""
    windows = np.lib.stride_tricks.sliding_window_view(values, HORIZON).T.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(windows))[None, ..., None].repeat(2, 1, 1, 1)


def lanes(count: int, series: int = 0, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((count,), series), torch.arange(first, first + count)


def plain_loop(values: np.ndarray, level: float, ahead: int) -> list[float]:
    """q ← q + η (1{E > q} - 2a) as it is written, for one pair and one step ahead."""
    q, given = 1.0, []
    for origin in range(len(values) - HORIZON + 1):
        made = origin - 1 - ahead  # its outcome, the value at origin - 1, is the last that is known
        if made >= 0:
            q += STEP * (float(values[made + ahead] > given[made]) - 2 * level)
        given.append(q)
    return given


def test_offsets_are_those_of_the_update_rule():
    values = np.random.default_rng(0).standard_normal(40).astype(np.float32)
    found = adaptation().follow(*lanes(38), scores_of(values))
    for pair, level in enumerate(LEVELS):
        for ahead in range(HORIZON):
            expected = plain_loop(values, level, ahead)
            assert np.allclose(found[pair, ahead, :, 0], expected, atol=1e-5), (level, ahead)


@pytest.mark.parametrize("factor", [0.1, 1.0, 3.0])
def test_coverage_is_right_in_the_long_run_under_a_shift_of_the_errors(
    factor,
):
    """The errors grow or fall at once to a multiple, of which the calibration knew nothing."""
    errors = np.abs(np.random.default_rng(1).standard_normal(4002)) * np.where(
        np.arange(4002) < 1000, 1, factor
    )
    scores = scores_of(errors)
    offsets = adaptation().follow(*lanes(4000), scores)
    covered = (scores <= offsets)[..., 0].float().mean(-1)
    assert torch.allclose(covered, torch.tensor([[0.95], [0.8]]).expand(2, HORIZON), atol=0.03)


def test_a_forecast_uses_no_outcome_that_is_not_known_at_its_origin():
    values = np.random.default_rng(2).standard_normal(60)
    changed = np.where(np.arange(60) < 30, values, 100.0)
    one, other = (adaptation().follow(*lanes(58), scores_of(part)) for part in (values, changed))
    assert torch.equal(one[:, :, :31], other[:, :, :31])
    assert not torch.equal(one[:, :, 31], other[:, :, 31])


def test_batches_change_nothing_and_series_are_followed_each_for_itself():
    scores = scores_of(np.random.default_rng(3).standard_normal(42))
    whole = adaptation().follow(*lanes(40), scores)
    pieces = adaptation()
    found = [
        pieces.follow(*lanes(10, first=first), scores[:, :, first : first + 10]) for first in range(0, 40, 10)
    ]
    assert torch.equal(torch.cat(found, dim=2), whole)
    series, origins = (torch.cat(parts) for parts in zip(lanes(40, 7), lanes(40, 2), strict=True))
    both = adaptation().follow(series, origins, torch.cat([scores, scores], dim=2))
    assert torch.equal(both, torch.cat([whole, whole], dim=2))


def test_unknown_outcomes_and_gaps_between_origins_change_nothing():
    scores = scores_of(np.full(42, 9.0))
    missing = adaptation().follow(*lanes(40), torch.full_like(scores, torch.nan))
    assert torch.equal(missing, torch.ones_like(missing))
    apart = adaptation().follow(torch.zeros(4, dtype=torch.long), torch.arange(4) * 50, scores[:, :, :4])
    steps = STEP * (1 - 2 * np.array(LEVELS))
    expected = 1 + torch.tensor(steps)[:, None].float() * torch.arange(4)
    assert torch.allclose(apart[:, 1, :, 0], expected)


def test_the_offsets_of_kept_forecasts_are_kept():
    following = adaptation(kept=((0, 5), (0, 99)))
    found = following.follow(*lanes(20), scores_of(np.arange(22.0)))
    assert list(following.of) == [(0, 5)]
    assert np.array_equal(following.of[0, 5], found[:, :, 5].numpy())


def own_lanes() -> list:
    scores = scores_of(np.random.default_rng(4).standard_normal(22))
    series, origins = lanes(20)
    own = slice(rank(), None, world_size())
    return adaptation().follow(series[own], origins[own], scores[:, :, own]).tolist()


def test_ranks_follow_the_forecasts_of_all_of_them(in_processes):
    alone = torch.tensor(own_lanes())
    shares = in_processes(own_lanes)
    for place, share in enumerate(shares):
        assert torch.equal(torch.tensor(share), alone[:, :, place :: len(shares)])
