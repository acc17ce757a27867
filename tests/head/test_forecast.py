"""Properties of every forecasting head."""

import math
from functools import partial

import pytest
import torch

from throughtime.errors import UserError
from throughtime.head.forecast import ForecastHead
from throughtime.head.gaussian import Gaussian
from throughtime.head.negative_binomial import NegativeBinomial
from throughtime.head.point import Point
from throughtime.head.quantile import Quantile
from throughtime.head.student_t import StudentT

HEADS = {
    "mse": partial(Point, error="mse"),
    "mae": partial(Point, error="mae"),
    "huber": partial(Point, error="huber"),
    "gaussian": Gaussian,
    "student_t": StudentT,
    "negative_binomial": NegativeBinomial,
    "quantile": Quantile,
}
LEVELS = torch.tensor([0.025, 0.1, 0.5, 0.9, 0.975])


@pytest.fixture(params=HEADS)
def head(request) -> ForecastHead:
    torch.manual_seed(0)
    return HEADS[request.param](input_size=6, channels=2).eval()


@pytest.fixture
def outputs() -> torch.Tensor:
    return torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def targets() -> torch.Tensor:
    return torch.randint(0, 9, (4, 5, 2), generator=torch.Generator().manual_seed(2)).float()


def test_the_loss_is_a_mean_over_points_so_that_batches_may_be_cut_anywhere(head, outputs, targets):
    parts = [head.loss(outputs[:, cut], targets[:, cut]).item() for cut in (slice(0, 2), slice(2, 5))]
    assert head.loss(outputs, targets).item() == pytest.approx((2 * parts[0] + 3 * parts[1]) / 5, rel=1e-5)


def test_what_is_masked_changes_neither_loss_nor_gradient(head, outputs, targets):
    mask = torch.rand(4, 5, 2, generator=torch.Generator().manual_seed(3)) < 0.6
    other = torch.where(mask, targets, 7000.0)
    gradients = []
    for values in (targets, other):
        head.zero_grad()
        head.loss(outputs, values, mask).backward()
        gradients.append([parameter.grad.clone() for parameter in head.parameters()])
    assert torch.equal(head.loss(outputs, targets, mask), head.loss(outputs, other, mask))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_nothing_counted_is_a_loss_of_0(head, outputs, targets):
    loss = head.loss(outputs, targets, torch.zeros(4, 5, 2, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0


def test_quantiles_never_cross(head, outputs):
    probability = LEVELS[:, None, None, None].expand(5, 4, 5, 2)
    quantiles = head.quantile(50 * outputs[None], probability, torch.full((5, 2), 3.0))
    assert quantiles.shape == (5, 4, 5, 2) and bool((quantiles.diff(dim=0) >= 0).all())


def test_the_support_keeps_the_order_of_quantiles_and_what_a_head_says_itself(head, outputs):
    probability = LEVELS[:, None, None, None].expand(5, 4, 5, 2)
    own = head.quantile(outputs[None], probability, torch.ones(5, 2)).detach()
    assert torch.allclose(head.in_support(own), own)
    moved = head.in_support(own + torch.tensor([-3.3, -1.1, 0.0, 1.1, 3.3])[:, None, None, None])
    assert bool((moved.diff(dim=0) >= 0).all())
    assert not head.counts or bool((moved >= 0).all() and (moved == moved.round()).all())


def test_a_head_learns_the_centre_and_the_quantiles_of_what_it_sees(head):
    """Its features are constant, so that all there is to learn is one distribution."""
    numbers = torch.Generator().manual_seed(4)
    values = torch.poisson(torch.full((500, 4, 2), 6.0), generator=numbers)
    features = torch.ones(500, 4, 6)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        head.loss(features, values).backward()
        optimizer.step()
    point = head.predict(features[:1, :1]).flatten().detach()
    assert torch.allclose(point, torch.full((2,), 6.0), atol=1.0)
    if head.spread:
        ends = head.quantile(features[:1], torch.tensor([[0.1], [0.9]])[:, None].expand(2, 4, 2)).detach()
        covered = ((values >= ends[0]) & (values <= ends[1])).float().mean()
        assert 0.7 < float(covered) < 0.95


def test_a_uniform_probability_draws_a_sample(head, outputs):
    if not head.spread:
        pytest.skip("a point has no spread to draw from")
    probability = torch.rand(4000, 1, 2, generator=torch.Generator().manual_seed(5)).clamp(1e-5, 1 - 1e-5)
    drawn = head.quantile(outputs[:1, :1].expand(4000, 1, 6), probability)
    median = head.quantile(outputs[:1, :1], torch.full((1, 1, 2), 0.5))
    assert float((drawn <= median).float().mean()) == pytest.approx(0.5, abs=0.35 if head.counts else 0.05)


@pytest.mark.parametrize("name", HEADS)
def test_sizes_that_are_not_positive_are_refused(name):
    with pytest.raises(UserError, match="input_size"):
        HEADS[name](input_size=0, channels=1)
    with pytest.raises(UserError, match="dropout"):
        HEADS[name](input_size=1, channels=1, dropout=math.pi)
