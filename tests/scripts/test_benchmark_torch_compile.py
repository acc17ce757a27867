"""benchmark.py compiled: each way of torch.compile computes the plain loop, and what cannot be measured says why."""

import pytest
import torch
from benchmarks import torch_compile
from benchmarks.shapes import Shape
from benchmarks.torch_compile import WAYS, measure, measure_way, plain_loop, table
from benchmarks.variants import make_cell


@pytest.fixture
def uncompiled(monkeypatch):
    """torch.compile as it is where it changes nothing."""
    monkeypatch.setattr(torch, "compile", lambda function: function)


@pytest.mark.parametrize("cell", ["elman", "lstm"])
@pytest.mark.parametrize("way", ["the step", "the whole loop"])
def test_each_way_is_the_plain_loop(way, cell, uncompiled):
    module, inputs = make_cell(cell, 4), torch.randn(3, 2, 4)
    torch.testing.assert_close(WAYS[way](module)(inputs), plain_loop(module)(inputs))
    found = measure_way(cell, Shape(2, 3, 4), way)
    assert found["ours"] > 0 and found["theirs"] > 0 and found["compile_seconds"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_each_way_compiles(way):
    assert measure_way("lstm", Shape(2, 4, 8), way)["compile_seconds"] > 0


def test_what_is_not_measured_says_why(monkeypatch):
    monkeypatch.setattr(torch_compile, "QUICK_SHAPES", [Shape(1, 2, 4)])
    found = measure(["lstm"], 0.001, 0.01, True, lambda line: None)
    reasons = [row["reason"] for row in found["rows"]]
    assert len(reasons) == len(WAYS)
    assert all("longer than 0 seconds" in reason or "--minutes is over" in reason for reason in reasons)
    assert table(found).count("not measured:") == len(WAYS)


def test_a_cell_without_a_kernel_is_named():
    assert "reason" in measure_way("conv_lstm", Shape(1, 2, 4), "the step")
