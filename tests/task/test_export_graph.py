"""Exported graphs: standardisation in them, and tasks that have none, which name the script that can use them."""

import argparse

import numpy as np
import pytest
import torch
from torch import nn

from throughtime.data.labelled.standardise import Standardiser
from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import Standardise


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


@pytest.mark.parametrize("kind", ["channel", "sequence", "none"])
def test_a_graph_standardises_padded_sequences_as_the_data_do(kind: str) -> None:
    generator = np.random.default_rng(0)
    sequences = [generator.normal(3, 2, (length, 2)).astype(np.float32) for length in (5, 1, 4)]
    sequences[0][:, 1] = 7  # a constant
    standardiser = Standardiser.fit(kind, sequences)
    inputs = torch.full((5, 3, 2), torch.nan)
    for lane, sequence in enumerate(sequences):
        inputs[: len(sequence), lane] = torch.from_numpy(sequence)
    found = Standardise(standardiser.kind, standardiser.location, standardiser.scale)(
        inputs, torch.tensor([5, 1, 4])
    )
    for lane, sequence in enumerate(sequences):
        expected = torch.from_numpy(standardiser(sequence))
        torch.testing.assert_close(found[: len(sequence), lane], expected, atol=1e-5, rtol=1e-5)
