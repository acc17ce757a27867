"""The mixture is a density, its likelihood is computed in log space, and samples follow it."""

import math

import pytest
import torch
from torch import distributions

from throughtime.errors import UserError
from throughtime.head.bivariate_mixture import BivariateMixture


def head(components=4, **arguments):
    torch.manual_seed(1)
    return BivariateMixture(5, components=components, **arguments)


def features(*shape):
    return torch.randn(*shape, 5, generator=torch.Generator().manual_seed(2))


def test_the_density_is_that_of_a_mixture_of_multivariate_normals():
    made, outputs, offsets = head(), features(3, 2), torch.randn(3, 2, 2)
    mixture, _ = made.parameters_of(outputs)
    x, y = mixture.log_deviations.exp().unbind(-1)
    between = mixture.correlations * x * y
    covariance = torch.stack((x * x, between, between, y * y), -1).unflatten(-1, (2, 2))
    expected = distributions.MixtureSameFamily(
        distributions.Categorical(logits=mixture.log_weights),
        distributions.MultivariateNormal(mixture.means, covariance),
    )
    torch.testing.assert_close(mixture.log_density(offsets), expected.log_prob(offsets), rtol=1e-4, atol=1e-4)


def test_the_density_has_a_mass_of_one():
    mixture, _ = head().parameters_of(features())
    axis = torch.linspace(-15, 15, 801)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    cell = (axis[1] - axis[0]).item() ** 2
    assert (mixture.log_density(grid).exp().sum() * cell).item() == pytest.approx(1, abs=1e-3)


def test_parts_add_up_to_the_loss_and_masked_points_have_no_part():
    made, outputs = head(), features(6, 3).requires_grad_()
    targets = torch.cat((torch.randn(6, 3, 2), torch.tensor([1.0, 0.0]).expand(6, 3, 2)), -1)
    mask = torch.arange(6)[:, None] < torch.tensor([6, 2, 0])
    targets[~mask] = 1e30
    loss = made.loss(outputs, targets, mask)
    kept = made.parts(outputs, targets)[mask]
    torch.testing.assert_close(loss, kept.sum(-1).mean())
    loss.backward()
    assert outputs.grad[~mask].abs().max() == 0 and outputs.grad[mask].abs().max() > 0


@pytest.mark.parametrize("away", [1e3, 1e6])
def test_a_point_far_away_has_a_finite_likelihood_and_gradient(away):
    outputs = features(1, 1).requires_grad_()
    loss = head().loss(outputs, torch.tensor([[[away, -away, 1.0, 0.0]]]))
    loss.backward()
    assert loss.isfinite() and loss > 100 and outputs.grad.isfinite().all()


def test_extreme_features_keep_the_density_finite():
    made = head(floor=0.01)
    for size in (-1e4, 1e4):
        loss = made.loss(torch.full((1, 1, 5), size), torch.zeros(1, 1, 4))
        assert loss.isfinite()


def test_the_floor_bounds_the_density():
    made = head(components=1, floor=0.1)
    with torch.no_grad():
        made.map.weight.zero_()
        made.map.bias.copy_(torch.tensor([0.0, 0, 0, -50, -50, 0, 0, 0]))
    found = made.parts(torch.zeros(1, 1, 5), torch.zeros(1, 1, 4))[0, 0, 0]
    assert found.item() == pytest.approx(math.log(2 * math.pi * 0.1**2), abs=1e-5)


def test_the_gradient_is_that_of_finite_differences():
    made = head().double()
    outputs = features(1, 2).double()
    targets = torch.tensor([[[0.3, -0.2, 1.0, 0.0], [1.0, 0.5, 0.0, 0.0]]]).double()
    float_before = torch.Tensor.float
    torch.Tensor.float = lambda self: self  # the head computes in single precision
    try:
        assert torch.autograd.gradcheck(lambda x: made.loss(x, targets), outputs.requires_grad_())
    finally:
        torch.Tensor.float = float_before


def test_samples_have_the_mean_and_the_marks_that_are_predicted():
    made, outputs = head(), features(1)
    drawn = made.sample(outputs.expand(40_000, 5), torch.Generator().manual_seed(0))
    assert {tuple(marks) for marks in drawn[:, 2:].tolist()} == {(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)}
    torch.testing.assert_close(drawn.mean(0), made.predict(outputs)[0], atol=0.05, rtol=0)


def test_the_marks_that_are_possible_have_a_mass_of_one():
    made, outputs = head(), features(1, 1)
    possible = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    masses = [
        made.parts(outputs, torch.cat((torch.zeros(2), marks))[None, None])[..., 1:] for marks in possible
    ]
    assert torch.stack(masses).sum(-1).neg().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_samples_have_the_correlation_of_their_component():
    made = head(components=1)
    mixture, _ = made.parameters_of(features(1))
    drawn = made.sample(features(1).expand(40_000, 5), torch.Generator().manual_seed(0))[:, :2]
    assert torch.corrcoef(drawn.T)[0, 1].item() == pytest.approx(mixture.correlations.item(), abs=0.02)
    torch.testing.assert_close(drawn.std(0), mixture.log_deviations.exp()[0, 0], rtol=0.03, atol=0)


def test_a_bias_divides_deviations_and_sharpens_weights_and_leaves_the_marks():
    made, outputs = head(floor=1e-6), features(2)
    (plain, marks), (biased, same) = made.parameters_of(outputs), made.parameters_of(outputs, 0.7)
    torch.testing.assert_close(biased.log_deviations, plain.log_deviations - 0.7, atol=1e-4, rtol=0)
    torch.testing.assert_close(biased.log_weights, torch.log_softmax(1.7 * plain.log_weights, -1))
    assert torch.equal(same, marks)


def test_marks_are_drawn_as_often_at_a_bias_as_without():
    made, outputs = head(), features(1).expand(20_000, 5)
    plain, biased = (
        made.sample(outputs, torch.Generator().manual_seed(3), bias)[:, 2:].mean(0) for bias in (0, 5)
    )
    torch.testing.assert_close(biased, plain, atol=0.015, rtol=0)


def test_lanes_that_may_not_end_have_the_marks_of_points_before_the_end():
    made, outputs = head(), features(1).expand(20_000, 5)
    may_end = torch.arange(20_000) % 2 == 0
    drawn = made.sample(outputs, torch.Generator().manual_seed(4), 0.0, may_end)[:, 2:]
    lifted, ended = drawn[may_end].mean(0), drawn[~may_end].mean(0)
    expected = made.predict(outputs)[0, 2:]
    torch.testing.assert_close(lifted, expected, atol=0.02, rtol=0)
    assert ended[1] == 0
    # p(lifted | no end) = (p(lifted) - p(end)) / (1 - p(end))
    assert ended[0].item() == pytest.approx(
        ((expected[0] - expected[1]) / (1 - expected[1])).item(), abs=0.02
    )


def test_the_same_generator_gives_the_same_samples():
    made, outputs = head(), features(3)
    one, other = (made.sample(outputs, torch.Generator().manual_seed(7), 0.5) for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("wrong", [{"components": 0}, {"floor": 0.0}, {"dropout": 1.0}, {"marks": 0}])
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        BivariateMixture(5, **wrong)
