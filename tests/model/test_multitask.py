from functools import partial

import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.model.inputs.task_embedding import TaskEmbedding
from throughtime.model.layers.coupled import Coupled
from throughtime.model.layers.shared import Shared
from throughtime.model.multitask import MultitaskModel
from throughtime.model.pooling.attention import Attention
from throughtime.model.pooling.mean import Mean

SYMBOLS, HIDDEN, LANES = 7, 4, 4


def model(layers=Coupled, tasks=2, pooling=None):
    torch.manual_seed(0)
    return MultitaskModel(
        front=partial(TaskEmbedding, size=3, own_size=None),
        layers=layers,
        cell=partial(LSTM, hidden_size=HIDDEN),
        engine=Reference(),
        pooling=pooling,
        vocabulary_size=tasks * SYMBOLS,
        tasks=tasks,
    ).double()


def symbols(steps=5):
    return torch.randint(SYMBOLS, (steps, LANES), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layers", [Coupled, Shared])
def test_the_features_are_those_of_the_lanes_own_task(layers):
    network, ids = model(layers), symbols()
    tasks = torch.tensor([0, 1, 1, 0])
    features, _ = network(ids + SYMBOLS * tasks, network.initial_state(LANES))
    outputs, _ = network.layers(network.front(ids), network.layers.initial_state(LANES))
    assert network.output_size == HIDDEN
    torch.testing.assert_close(features, outputs[:, torch.arange(LANES), tasks])


@pytest.mark.parametrize("pooling", [None, Mean, Attention])
def test_chunks_and_single_steps_are_the_whole(pooling):
    network = model(pooling=pooling)
    ids = symbols() + SYMBOLS * torch.tensor([0, 1, 1, 0])
    whole, after = network(ids, network.initial_state(LANES))
    first, state = network(ids[:3], network.initial_state(LANES))
    parts = [first]
    for step in ids[3:]:
        output, state = network.step(step, state)
        parts.append(output[None])
    torch.testing.assert_close(torch.cat(parts), whole)
    torch.testing.assert_close(state, after)


@pytest.mark.parametrize("layers", [Coupled, Shared])
def test_a_padded_step_of_whatever_task_changes_nothing(layers):
    network = model(layers, pooling=Attention)
    ids = symbols() + SYMBOLS
    lengths = torch.tensor([5, 2, 3, 1])
    padded = torch.where(torch.arange(5)[:, None] < lengths, ids, 0)
    for lane, length in enumerate(lengths.tolist()):
        alone = network.whole(ids[:length, lane : lane + 1], torch.tensor([length]))
        torch.testing.assert_close(network.whole(padded, lengths)[lane : lane + 1], alone)
