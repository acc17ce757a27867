"""The likelihood of a stage is a mean over points, whatever the batches."""

import math

import pytest
import torch

from throughtime.task.handwriting.metrics import NAMES, PointLikelihood


def test_the_mean_does_not_depend_on_the_batches():
    torch.manual_seed(0)
    parts, mask = torch.randn(7, 10, 3), torch.rand(7, 10) < 0.6
    whole, cut = PointLikelihood(), PointLikelihood()
    whole.update(parts, mask)
    for lanes in (slice(0, 1), slice(1, 7), slice(7, 10)):
        cut.update(parts[:, lanes], mask[:, lanes])
    one, other = whole.compute(), cut.compute()
    assert one == pytest.approx(other, rel=1e-12)
    assert one["nll"] == pytest.approx(parts[mask].double().sum(-1).mean().item())
    assert one["nll"] == pytest.approx(sum(one[f"nll_{name}"] for name in NAMES))


def test_without_a_mask_all_points_count():
    measured = PointLikelihood()
    measured.update(torch.ones(2, 3, 3), None)
    assert measured.compute()["nll"] == 3


def test_a_stage_is_forgotten_once_it_is_measured():
    measured = PointLikelihood()
    measured.update(torch.ones(2, 3, 3), None)
    measured.compute()
    assert math.isnan(measured.compute()["nll"])
