"""The exported graph gives the log-probabilities of the task for padded sequences as they were read."""

import pytest
import torch


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("standardise", ["channel", "sequence", "none"])
def test_the_graph_gives_the_log_probabilities_of_the_task(make, assert_consistent, causal, standardise):
    task = make(causal, factor=3, standardise=standardise)
    graph = task.export_graph()
    assert_consistent(graph)
    sequences = task.data.part("test").sequences
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    inputs = torch.zeros(int(lengths.max()), len(sequences), 3)
    for lane, sequence in enumerate(sequences):
        inputs[: len(sequence), lane] = torch.from_numpy(sequence)
    with torch.inference_mode():
        found, steps = graph.module(inputs, lengths)
    assert steps.tolist() == [-(-length // 3) for length in lengths.tolist()]
    for lane, own in enumerate(task.log_probabilities(sequences)):
        torch.testing.assert_close(found[: steps[lane], lane].numpy(), own, atol=5e-4, rtol=1e-3)
