"""The exported graph of a language model names its ids and the state of every layer."""

import torch

from throughtime.inference.load import load
from throughtime.task.textgen.export_graph import from_named_leaves, named_leaves
from throughtime.tree import map_state


def test_text_has_a_state_for_every_layer(trained, assert_consistent) -> None:
    graph = load(trained.run).task.export_graph()
    assert_consistent(graph)
    assert list(graph.axes) == ["ids", "state_0_hidden", "state_0_cell"]
    assert graph.outputs == ("log_probabilities", "state_0_hidden_after", "state_0_cell_after")
    assert graph.axes["ids"] == ("T", "B") and graph.axes["state_0_cell"] == ("B", 8)


def test_a_state_is_named_by_layer_and_part_and_put_together_again(trained) -> None:
    state = load(trained.run).task.model.initial_state(2)
    parts = [part + 1 for _, part in named_leaves(state)]
    again = from_named_leaves(state, iter(parts))
    assert type(again[0]) is type(state[0])
    map_state(lambda first, second: torch.testing.assert_close(first + 1, second), state, again)
