import pytest
import torch

from throughtime.errors import UserError
from throughtime.model.inputs.task_embedding import TaskEmbedding

SYMBOLS, TASKS = 5, 3


def test_a_symbol_has_a_vector_of_its_task_beside_the_one_of_all_tasks():
    torch.manual_seed(0)
    layer = TaskEmbedding(SYMBOLS * TASKS, TASKS, size=4, own_size=2)
    ids = torch.arange(SYMBOLS) + SYMBOLS * torch.arange(TASKS)[:, None]
    features = layer(ids)
    assert features.shape == (TASKS, SYMBOLS, 6) and layer.output_size == 6
    torch.testing.assert_close(features[..., 2:], layer.shared.weight.expand(TASKS, -1, -1))
    torch.testing.assert_close(features[..., :2].flatten(0, 1), layer.own.weight)


def test_a_text_of_one_task_moves_no_vector_of_another():
    layer = TaskEmbedding(SYMBOLS * TASKS, TASKS, size=4, own_size=2)
    layer(torch.tensor([SYMBOLS + 1, SYMBOLS + 2])).sum().backward()
    assert layer.own.weight.grad.any(1).nonzero().flatten().tolist() == [SYMBOLS + 1, SYMBOLS + 2]
    assert layer.shared.weight.grad.any(1).nonzero().flatten().tolist() == [1, 2]


def test_without_own_vectors_the_shared_one_is_all():
    layer = TaskEmbedding(SYMBOLS * TASKS, TASKS, size=4, own_size=None)
    assert layer.own is None and layer(torch.tensor([7])).shape == (1, 4)


def test_a_dropout_that_is_no_fraction_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="dropout must be at least 0 and below 1"):
        TaskEmbedding(SYMBOLS, dropout=1.5)
