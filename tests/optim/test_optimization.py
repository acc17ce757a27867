"""Which weights decay, and what Lightning is handed."""

import functools

import pytest
import torch
from torch import nn

from throughtime.cell.lstm import LSTM
from throughtime.errors import UserError
from throughtime.model.inputs.embedding import Embedding
from throughtime.optim.optimization import Optimization
from throughtime.optim.schedule import constant, cosine

SGD = functools.partial(torch.optim.SGD, lr=0.1)


class Tied(nn.Module):
    """A part of each kind, with one matrix in two roles."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(4, 7)
        self.embedding = Embedding(7, 4)
        self.output.weight = self.embedding.weight
        self.cell = LSTM(4, 5)
        self.norm = nn.LayerNorm(5)
        self.map = nn.Linear(5, 4)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)


def names(module: nn.Module, parameters: list[nn.Parameter]) -> set[str]:
    by_id = {id(parameter): name for name, parameter in module.named_parameters(remove_duplicate=False)}
    return {by_id[id(parameter)] for parameter in parameters}


def test_weight_matrices_decay_and_nothing_else_does():
    module = Tied()
    decayed, others = Optimization.groups(module)
    assert names(module, decayed) == {"cell.weight_input", "cell.weight_recurrent", "map.weight"}
    trained = {id(parameter) for parameter in module.parameters() if parameter.requires_grad}
    assert {id(parameter) for parameter in decayed + others} == trained
    assert len(decayed) + len(others) == len(trained)


def test_without_a_gradient_only_what_decays_changes():
    module = Tied()
    before = {name: parameter.clone() for name, parameter in module.named_parameters()}
    optimizer = Optimization(SGD, weight_decay=0.5).configure(module)["optimizer"]
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    changed = {
        name for name, parameter in module.named_parameters() if not torch.equal(parameter, before[name])
    }
    assert changed <= names(module, Optimization.groups(module)[0])
    torch.testing.assert_close(module.map.weight, before["map.weight"] * (1 - 0.1 * 0.5))


def test_the_schedule_is_stepped_by_step():
    configured = Optimization(SGD, functools.partial(cosine, warmup_steps=4)).configure(Tied(), 10)
    assert configured["lr_scheduler"]["interval"] == "step"
    assert [group["lr"] for group in configured["optimizer"].param_groups] == [pytest.approx(0.025)] * 2


def test_no_schedule_keeps_the_rate():
    assert set(Optimization(SGD).configure(Tied(), 10)) == {"optimizer"}


@pytest.mark.parametrize("unknown", [None, -1, float("inf")])
def test_a_run_that_only_time_ends_needs_a_schedule_that_can_do_without_its_end(unknown):
    assert "lr_scheduler" in Optimization(SGD, constant).configure(Tied(), unknown)
    with pytest.raises(UserError, match=r"trainer\.max_steps"):
        Optimization(SGD, cosine).configure(Tied(), unknown)


def test_a_negative_decay_is_refused():
    with pytest.raises(UserError, match="weight_decay"):
        Optimization(SGD, weight_decay=-0.1)
