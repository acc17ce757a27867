"""A graph's names and axes are those of what it computes."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference.export_graphs import filled, graph_of, leaves
from throughtime.inference.load import load
from throughtime.run.build import build_data, build_task
from throughtime.tree import map_state


def assert_consistent(graph) -> None:
    """The example has the axes that the graph names, and there is a name for every output."""
    for sizes in graph.sizes:
        inputs = graph.example(sizes)
        for tensor, axes in zip(inputs, graph.axes.values(), strict=True):
            assert tuple(tensor.shape) == tuple(sizes.get(axis, axis) for axis in axes)
        with torch.inference_mode():
            outputs = graph.module(*inputs)
        assert len(graph.outputs) == (1 if isinstance(outputs, torch.Tensor) else len(outputs))


def test_text_has_a_state_for_every_layer(trained) -> None:
    task = load(trained.run).task
    graph = graph_of(task)
    assert_consistent(graph)
    assert list(graph.axes) == ["ids", "state_0_hidden", "state_0_cell"]
    assert graph.outputs == ("log_probabilities", "state_0_hidden_after", "state_0_cell_after")
    assert graph.axes["ids"] == ("T", "B") and graph.axes["state_0_cell"] == ("B", 8)


@pytest.fixture
def built(configuration, monkeypatch, tmp_path):
    """The untrained task of a configuration."""
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path))

    def build(*overrides: str):
        config = configuration(*overrides, "cell.hidden_size=8")
        return build_task(config, build_data(config).artifacts()).eval()

    return build


@pytest.mark.parametrize(("head", "outputs"), [("softmax", 1), ("crf", 4)])
def test_tagging_reads_whole_sentences(built, tmp_path, head: str, outputs: int) -> None:
    (tmp_path / "tags.conll").write_text("Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * 50)
    graph = graph_of(
        built(
            "task=tagging",
            "data=conll",
            f"data.path={tmp_path}/tags.conll",
            "engine=reference",
            f"head={head}",
        )
    )
    assert_consistent(graph)
    assert len(graph.outputs) == outputs and graph.axes["lengths"] == ("B",)


def test_forecasts_have_free_lanes(built) -> None:
    graph = graph_of(built("task=forecasting", "data=airpassengers", "model=direct", "engine=reference"))
    assert_consistent(graph)
    assert {axis for axes in graph.axes.values() for axis in axes if isinstance(axis, str)} == {"B"}


def test_a_loop_over_the_horizon_is_refused(built) -> None:
    task = built("task=forecasting", "data=airpassengers", "model=encoder_decoder", "engine=reference")
    with pytest.raises(UserError, match=r"step by step .* cannot be exported to ONNX"):
        graph_of(task)


def test_a_state_is_named_by_layer_and_part_and_put_together_again(trained) -> None:
    state = load(trained.run).task.model.initial_state(2)
    parts = [part + 1 for _, part in leaves(state)]
    again = filled(state, iter(parts))
    assert type(again[0]) is type(state[0])
    map_state(lambda first, second: torch.testing.assert_close(first + 1, second), state, again)
