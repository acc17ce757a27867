"""The exported graph of a model of music names its frames and the state of every layer."""

from collections.abc import Callable

import pytest

from throughtime.task.music.task import Music


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_frames_and_the_state_of_every_layer(
    music: Callable[..., Music], assert_consistent: Callable, head: str
) -> None:
    graph = music(head).export_graph()
    assert_consistent(graph)
    assert graph.axes["frames"] == ("T", "B", 88) and graph.axes["state_0_hidden"] == ("B", 8)
    assert graph.outputs == ("log_probabilities", "state_0_hidden_after", "state_0_cell_after")
