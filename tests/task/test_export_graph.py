"""A task without a graph says so; its hooks name the script that can use it."""

import argparse

import pytest
import torch
from torch import nn

from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task


class Silent(Task):
    """A task without any hook."""

    name, kind, monitor = "silent", "none", "val/loss"


def test_a_task_without_a_graph_is_exported_as_weights_only() -> None:
    task = Silent(nn.Identity(), Softmax(2, 2), Optimization(torch.optim.SGD))
    with pytest.raises(UserError, match=r"task=silent cannot be exported to ONNX; --format safetensors"):
        task.export_graph()


def test_hooks_that_a_task_does_not_have_are_mistakes_in_a_sentence() -> None:
    parser = argparse.ArgumentParser()
    with pytest.raises(UserError, match=r"task=silent predicts nothing from a file$"):
        Silent.add_predict_options(parser)
    with pytest.raises(UserError, match=r"task=silent writes no samples$"):
        Silent.add_generate_options(parser)
    task = Silent(nn.Identity(), Softmax(2, 2), Optimization(torch.optim.SGD))
    assert task.next_commands("runs/x") == []
