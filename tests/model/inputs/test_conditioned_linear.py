"""The input layer of conditioned features adds a vector of the class at every step."""

import pytest
import torch

from throughtime.data.conditioned import Conditioned
from throughtime.errors import UserError
from throughtime.model.inputs.conditioned_linear import ConditionedLinear


def inputs(label):
    none = torch.zeros(2, dtype=torch.int64)
    return Conditioned(
        torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0)), label, none[:, None][:, :0], none
    )


def test_classes_differ_by_their_vectors_alone():
    layer = ConditionedLinear(4, classes=3, size=5)
    one, other = (layer(inputs(torch.tensor(labels))) for labels in ([0, 1], [2, 1]))
    expected = layer.labels.weight[2] - layer.labels.weight[0]
    torch.testing.assert_close((other - one)[:, 0], expected.expand(3, 5))
    torch.testing.assert_close(one[:, 1], other[:, 1])


def test_without_classes_it_is_a_linear_map():
    layer = ConditionedLinear(4, size=5)
    given = inputs(torch.tensor([0, 1]))
    torch.testing.assert_close(layer(given), layer.map(given.features))


def test_a_single_step_is_that_of_the_sequence():
    layer, given = ConditionedLinear(4, classes=3, size=5), inputs(torch.tensor([2, 0]))
    torch.testing.assert_close(layer(given._replace(features=given.features[1])), layer(given)[1])


def test_texts_are_refused():
    with pytest.raises(UserError, match="model=window"):
        ConditionedLinear(4, symbols=26)
