import pytest
import torch

from throughtime.errors import UserError
from throughtime.model.inputs.embedding import Embedding


def test_equal_symbols_have_equal_vectors_wherever_they_stand():
    front = Embedding(vocabulary_size=7, size=3)
    features = front(torch.tensor([[1, 2], [2, 1]]))
    assert features.shape == (2, 2, 3)
    assert torch.equal(features[0, 0], features[1, 1])
    assert torch.equal(front(torch.tensor([2])), features[0, 1][None])


def test_only_the_vectors_that_were_used_receive_a_gradient():
    front = Embedding(vocabulary_size=5, size=3)
    front(torch.tensor([1, 1, 4])).sum().backward()
    assert front.weight.grad.sum(1).tolist() == [0, 6, 0, 0, 3]


def test_the_scale_is_the_deviation_of_the_vectors_at_first():
    weight = Embedding(vocabulary_size=200, size=200, scale=3.0).weight
    torch.testing.assert_close(weight.std().item(), 3.0, atol=0.05, rtol=0)


@pytest.mark.parametrize("options", [{"vocabulary_size": 0}, {"size": 0}, {"dropout": 1.0}, {"scale": 0.0}])
def test_a_wrong_option_is_a_mistake_of_the_user(options):
    with pytest.raises(UserError, match=next(iter(options))):
        Embedding(**{"vocabulary_size": 5, "size": 3, **options})
