"""The exported graph of a forecaster has free lanes; a loop over the horizon has none."""

import pytest

from throughtime.errors import UserError


def test_forecasts_have_free_lanes(built, assert_consistent) -> None:
    task = built("task=forecasting", "data=airpassengers", "model=direct", "engine=reference")
    graph = task.export_graph()
    assert_consistent(graph)
    assert {axis for axes in graph.axes.values() for axis in axes if isinstance(axis, str)} == {"B"}


def test_a_loop_over_the_horizon_is_refused(built) -> None:
    task = built("task=forecasting", "data=airpassengers", "model=encoder_decoder", "engine=reference")
    with pytest.raises(UserError, match=r"step by step .* cannot be exported to ONNX"):
        task.export_graph()
