"""The exported graph gives the probabilities of the task for padded sequences as they were read."""

import numpy as np
import pytest
import torch
from toy_sequences import toy_set

from throughtime.model.pooling.attention import Attention
from throughtime.model.pooling.last import Last
from throughtime.model.pooling.max import Max
from throughtime.model.pooling.mean import Mean


@pytest.mark.parametrize("pooling", [Last, Mean, Max, Attention, None])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("standardise", ["channel", "sequence", "group", "none"])
def test_the_graph_gives_the_probabilities_of_the_task(
    make, assert_consistent, pooling, bidirectional, standardise
):
    found = toy_set(groups=[str(number // 10) for number in range(60)])
    found.sequences[:] = [3 + 2 * sequence for sequence in found.sequences]
    task = make(
        found, pooling=pooling, bidirectional=bidirectional, standardise=standardise, group=True
    ).float()
    graph = task.export_graph()
    assert_consistent(graph)
    sequences = [sequence for sequence in task.data.part("test").sequences if len(sequence) > 1]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    inputs = torch.zeros(int(lengths.max()), len(sequences), 2)
    for lane, sequence in enumerate(sequences):
        inputs[: len(sequence), lane] = torch.from_numpy(sequence)
    with torch.inference_mode():
        found = graph.module(inputs, lengths).exp()
    torch.testing.assert_close(found, task.probabilities(sequences), atol=1e-4, rtol=1e-4)


def test_ids_are_the_inputs_where_the_data_have_symbols(make, assert_consistent):
    generator = np.random.default_rng(0)
    ids = [generator.integers(0, 4, generator.integers(1, 9)) for _ in range(60)]
    task = make(toy_set(sequences=ids, channels=(), symbols=tuple("ACGT"))).float()
    graph = task.export_graph()
    assert_consistent(graph)
    assert graph.axes["inputs"] == ("T", "B")


def test_the_graph_of_several_tasks_reads_pairs_of_a_task_and_a_symbol(several_tasks, assert_consistent):
    graph = several_tasks.export_graph()
    assert_consistent(graph)
    sequences = several_tasks.data.part("test").sequences
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    inputs = torch.zeros(int(lengths.max()), len(sequences), dtype=torch.long)
    for lane, sequence in enumerate(sequences):
        inputs[: len(sequence), lane] = torch.from_numpy(sequence)
    with torch.inference_mode():
        found = graph.module(inputs, lengths).exp()
    expected = several_tasks.probabilities(sequences)
    torch.testing.assert_close(found[expected > 0], expected[expected > 0], atol=1e-4, rtol=1e-4)
