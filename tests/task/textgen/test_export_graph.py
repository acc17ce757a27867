"""The exported graph of a language model names its ids and the state of every layer."""

from throughtime.inference.load import load


def test_text_has_a_state_for_every_layer(trained, assert_consistent) -> None:
    graph = load(trained.run).task.export_graph()
    assert_consistent(graph)
    assert list(graph.axes) == ["ids", "state_0_hidden", "state_0_cell"]
    assert graph.outputs == ("log_probabilities", "state_0_hidden_after", "state_0_cell_after")
    assert graph.axes["ids"] == ("T", "B") and graph.axes["state_0_cell"] == ("B", 8)
