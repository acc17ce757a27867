"""Conformal intervals cover what they promise, whatever the model's own say."""

import pytest
import torch

from throughtime.distributed.collectives import rank
from throughtime.task.forecasting.calibration import Calibration

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def quantiles(lanes: int, width: float) -> torch.Tensor:
    return (width * torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]))[:, None, None, None].expand(5, 2, lanes, 1)


def truth(lanes: int, seed: int) -> torch.Tensor:
    return (
        torch.randn(2, lanes, 1, generator=torch.Generator().manual_seed(seed))
        * torch.tensor([1.0, 3.0])[:, None, None]
    )


@pytest.mark.parametrize("width", [0.0, 0.1, 20.0])
def test_coverage_is_right_at_each_step_after_calibration(width):
    calibration = Calibration(LEVELS, horizon=2)
    for seed in range(4):
        calibration.observe(quantiles(500, width), truth(500, seed))
    calibration.fit()
    made, values = calibration(quantiles(4000, width)), truth(4000, 9)
    for low, high, expected in ((0, 4, 0.95), (1, 3, 0.8)):
        covered = ((values >= made[low]) & (values <= made[high])).float().mean((1, 2))
        assert torch.allclose(covered, torch.full((2,), expected), atol=0.03)
    assert bool((made.diff(dim=0) >= 0).all())


def test_before_it_is_fitted_it_changes_nothing_and_the_median_stays():
    calibration = Calibration(LEVELS, horizon=2)
    assert torch.equal(calibration(quantiles(3, 1.0)), quantiles(3, 1.0))
    calibration.observe(quantiles(50, 1.0), truth(50, 0))
    calibration.fit()
    assert torch.equal(calibration(quantiles(3, 1.0))[2], quantiles(3, 1.0)[2])
    assert calibration(quantiles(3, 1.0)[:, :1]).shape == (5, 1, 3, 1)


def test_masked_points_do_not_count_and_few_scores_give_the_widest_interval():
    calibration, mask = Calibration(LEVELS, horizon=2), torch.zeros(2, 3, 1, dtype=torch.bool)
    mask[0, :2] = True
    calibration.observe(
        quantiles(3, 0.0), torch.tensor([[1.0, -2.0, 50.0], [9.0, 9.0, 9.0]])[..., None], mask
    )
    calibration.fit()
    assert calibration.offsets.tolist() == [[2, 0], [2, 0]]


def test_offsets_are_part_of_a_checkpoint():
    assert "offsets" in Calibration(LEVELS, horizon=2).state_dict()


def own_share() -> list[list[float]]:
    calibration = Calibration(LEVELS, horizon=2)
    if rank() < 2:  # the third one has nothing to observe
        calibration.observe(quantiles(100, 0.0), truth(200, 0)[:, rank() :: 2])
    calibration.fit()
    return calibration.offsets.tolist()


def test_ranks_calibrate_by_the_scores_of_all_of_them(in_processes):
    calibration = Calibration(LEVELS, horizon=2)
    calibration.observe(quantiles(200, 0.0), truth(200, 0))
    calibration.fit()
    assert in_processes(own_share, count=3) == [calibration.offsets.tolist()] * 3
