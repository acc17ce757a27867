"""The input layer follows the kind of the data."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.model.inputs.by_kind import Features


def test_ids_have_vectors_and_numbers_are_handed_on():
    embedding, numbers = Features(vocabulary_size=7, size=4), Features(input_size=3, frame_shape=[1, 1, 3])
    ids = torch.tensor([[1, 6]])
    assert torch.equal(embedding(ids), embedding.weight[ids]) and embedding.output_size == 4
    inputs = torch.randn(5, 2, 3)
    assert torch.equal(numbers(inputs), inputs) and numbers.output_size == 3 and numbers.weight is None
    assert Features(input_size=3, linear_size=9)(inputs).shape == (5, 2, 9)


@pytest.mark.parametrize("sizes", [{}, {"vocabulary_size": 3, "input_size": 3}])
def test_the_data_have_one_kind(sizes):
    with pytest.raises(UserError, match="number of symbols, or the number of features"):
        Features(**sizes)
