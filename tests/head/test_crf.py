"""A chain of tags, against the sum over every sequence written out."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.errors import UserError
from throughtime.head.crf import CRF

K, H, B, T = 3, 4, 4, 5
LENGTHS = torch.tensor([5, 1, 0, 3])
MASK = torch.arange(T)[:, None] < LENGTHS


def head(seed=0):
    torch.manual_seed(seed)
    crf = CRF(H, K).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def outputs(steps=T, lanes=B, seed=1):
    return torch.randn(steps, lanes, H, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def brute_force(crf, emissions):
    """s(z) of every tag sequence of one lane, by the equation."""
    scores = {}
    for tags in itertools.product(range(K), repeat=len(emissions)):
        score = crf.first[tags[0]] + crf.last[tags[-1]]
        score = score + sum(emissions[step, tag] for step, tag in enumerate(tags))
        scores[tags] = score + sum(crf.transitions[pair] for pair in itertools.pairwise(tags))
    return scores


def targets(seed=2):
    return torch.randint(K, (T, B), generator=torch.Generator().manual_seed(seed))


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_the_partition_function_is_the_sum_over_all_sequences(seed):
    crf = head(seed)
    emissions = crf.emissions(outputs(seed=seed))
    found = crf.log_partition(emissions, MASK)
    for lane in (0, 1, 3):
        scores = torch.stack(list(brute_force(crf, emissions[: LENGTHS[lane], lane]).values()))
        torch.testing.assert_close(found[lane], scores.logsumexp(0))


def test_the_loss_is_the_mean_per_token_of_the_sequences_log_probabilities():
    crf, tags = head(), targets()
    emissions = crf.emissions(outputs())
    total = 0.0
    for lane in (0, 1, 3):
        length = int(LENGTHS[lane])
        scores = brute_force(crf, emissions[:length, lane])
        total -= scores[tuple(tags[:length, lane].tolist())] - torch.stack(list(scores.values())).logsumexp(0)
    torch.testing.assert_close(crf.loss(outputs(), tags, MASK), total / LENGTHS.sum())


def test_probabilities_are_sums_over_the_sequences_with_that_tag():
    crf = head()
    emissions = crf.emissions(outputs())
    found = crf.predict(outputs(), MASK).exp()
    for lane in (0, 1, 3):
        scores = brute_force(crf, emissions[: LENGTHS[lane], lane])
        total = sum(score.exp() for score in scores.values())
        for step, tag in itertools.product(range(int(LENGTHS[lane])), range(K)):
            share = sum(score.exp() for tags, score in scores.items() if tags[step] == tag) / total
            torch.testing.assert_close(found[step, lane, tag], share)
    torch.testing.assert_close(crf.predict(outputs()), crf.predict(outputs(), torch.ones_like(MASK)))


def test_a_padded_step_changes_no_number_and_no_gradient():
    crf, results = head(), []
    for padding in (0.0, 1e3):
        padded = torch.cat((outputs(), outputs(2))).masked_fill(~_longer()[..., None], padding)
        tags = torch.cat((targets(), targets()[:2])).masked_fill(~_longer(), int(padding > 0))
        loss = crf.loss(padded, tags, _longer())
        results.append([loss, *torch.autograd.grad(loss, list(crf.parameters()))])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def _longer():
    return torch.arange(T + 2)[:, None] < LENGTHS


def test_the_mean_does_not_depend_on_the_batch():
    crf, tags = head(), targets()
    whole = crf.loss(outputs(), tags, MASK)
    parts = [
        crf.loss(outputs()[:, lane : lane + 1], tags[:, lane : lane + 1], MASK[:, lane : lane + 1])
        for lane in range(B)
    ]
    mean = sum(loss * length for loss, length in zip(parts, LENGTHS, strict=True)) / LENGTHS.sum()
    torch.testing.assert_close(whole, mean)


def test_without_transitions_it_is_the_softmax():
    crf, tags = head(), targets()
    for parameter in (crf.transitions, crf.first, crf.last):
        torch.nn.init.zeros_(parameter)
    logits = crf.emissions(outputs()).flatten(0, 1)
    expected = torch.nn.functional.cross_entropy(logits, tags.flatten())
    torch.testing.assert_close(crf.loss(outputs(), tags), expected)
    torch.testing.assert_close(crf.predict(outputs()).flatten(0, 1), logits.log_softmax(-1))


def test_the_gradient_is_that_of_finite_differences():
    crf, tags = head(), targets()
    assert torch.autograd.gradcheck(
        lambda features: crf.loss(features, tags, MASK), outputs().requires_grad_()
    )


def test_it_stays_finite_where_scores_are_large():
    crf = head().float()
    loss = crf.loss(1e4 * outputs().float(), targets(), MASK)
    assert math.isfinite(loss.detach())
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss, list(crf.parameters())))


def test_no_lane_with_a_step_costs_nothing():
    loss = head().loss(outputs(), targets(), torch.zeros_like(MASK))
    assert loss == 0


def test_impossible_sizes_are_refused():
    with pytest.raises(UserError, match="vocabulary_size"):
        CRF(4, 0)
    with pytest.raises(UserError, match="dropout"):
        CRF(4, 2, dropout=1.0)
