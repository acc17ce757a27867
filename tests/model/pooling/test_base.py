"""Properties that every pooling has: prefixes, chunks, padding, steps and resets."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.errors import UserError
from throughtime.model.pooling.attention import Attention
from throughtime.model.pooling.base import Pooling
from throughtime.model.pooling.last import Last
from throughtime.model.pooling.max import Max
from throughtime.model.pooling.mean import Mean
from throughtime.tree import leaves

SIZE = 5
KINDS = (Last, Mean, Max, Attention)


def make(kind: type[Pooling], seed: int = 0) -> Pooling:
    torch.manual_seed(seed)
    pooling = kind(SIZE)
    for parameter in pooling.parameters():
        torch.nn.init.normal_(parameter)
    return pooling.double()


def features_of(steps: int, lanes: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(steps, lanes, SIZE, generator=torch.Generator().manual_seed(seed)).double()


def gradients(pooling: Pooling, features: torch.Tensor, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, [features, *pooling.parameters()]))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 1000))
def test_pooled_features_of_a_step_are_those_of_the_sequence_cut_there(kind, steps, lanes, seed):
    pooling, features = make(kind), features_of(steps, lanes, seed)
    pooled, _ = pooling(features, pooling.initial_state(lanes))
    for step in range(steps):
        cut = features[: step + 1]
        alone, _ = pooling(cut, pooling.initial_state(lanes))
        torch.testing.assert_close(pooled[step], alone[-1])
        torch.testing.assert_close(pooling.whole(cut, torch.full((lanes,), step + 1)), pooled[step])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 1000))
def test_chunks_with_carried_state_give_numbers_and_gradients_of_the_whole(kind, chunks, seed):
    pooling, lanes = make(kind), 3
    features = features_of(sum(chunks), lanes, seed).requires_grad_()
    whole, after = pooling(features, pooling.initial_state(lanes))
    state, parts = pooling.initial_state(lanes), []
    for chunk in features.split(chunks):
        pooled, state = pooling(chunk, state)
        parts.append(pooled)
    torch.testing.assert_close(torch.cat(parts), whole)
    torch.testing.assert_close(leaves(state), leaves(after))
    for one, other in zip(
        gradients(pooling, features, parts[-1].square().sum()),
        gradients(pooling, features, whole[sum(chunks) - chunks[-1] :].square().sum()),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filling", [0.0, 1e6, torch.nan, torch.inf])
def test_padding_changes_no_number_no_state_and_no_gradient(kind, filling):
    lengths = torch.tensor([4, 1, 7, 0])
    features = features_of(7, 4)
    padded = features.clone()
    for lane, length in enumerate(lengths.tolist()):
        padded[length:, lane] = filling
    pooling = make(kind)
    state = pooling.initial_state(4)
    places, lanes = lengths[:3] - 1, torch.arange(3)
    found = []
    for given_features in (features, padded):
        given_features = given_features.clone().requires_grad_(filling == 0)
        pooled, after = pooling(given_features, state, lengths)
        found.append((pooled[places, lanes], leaves(after)))
    torch.testing.assert_close(found[0], found[1])
    for leaf, before in zip(found[1][1], leaves(state), strict=True):
        assert torch.equal(leaf[3], before[3])  # a lane without steps keeps its state
    torch.testing.assert_close(pooling.whole(padded[:, :3], lengths[:3]), found[0][0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_a_run_of_one_step(kind):
    pooling, features = make(kind), features_of(6, 3)
    pooled, _ = pooling(features, pooling.initial_state(3))
    state = pooling.initial_state(3)
    for step, expected in zip(features, pooled, strict=True):
        found, state = pooling.step(step, state)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_reset_a_lane_starts_anew(kind):
    pooling, features = make(kind), features_of(6, 2)
    resets = torch.zeros(6, 2, dtype=torch.bool)
    resets[3, 1] = True
    pooled, _ = pooling(features, pooling.initial_state(2), None, resets)
    whole, _ = pooling(features, pooling.initial_state(2))
    anew, _ = pooling(features[3:], pooling.initial_state(2))
    torch.testing.assert_close(pooled[:, 0], whole[:, 0])
    torch.testing.assert_close(pooled[3:, 1], anew[:, 1])


def test_a_size_that_is_not_positive_is_refused():
    with pytest.raises(UserError, match="input_size"):
        Last(0)
