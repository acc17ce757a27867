"""The verdict names what happens to the gradient, since when, why, and settings that the run has."""

import math

import pytest
import torch

from throughtime.diagnosis.gates import Activity, Gate
from throughtime.diagnosis.gradient_flow import LayerFlow
from throughtime.diagnosis.layer import LayerDiagnosis
from throughtime.diagnosis.verdict import change, command, gradient_verdict, kind_of

CONFIG = {
    "cell": {"recurrent_initialisation": "uniform", "forget_bias": 1.0},
    "data": {"chunk_length": 64},
    "model": {"layers": {"layer_norm": False}},
    "task": {"horizon": None},
    "trainer": {"gradient_clip_val": 1.0},
}


def layer(rate: float, name: str = "layers.cells.0", cell: str = "Elman", saturated: float = 0.0):
    norms = rate ** torch.arange(64.0, dtype=torch.float64)
    logs = torch.full((1, 2), 8 * math.log(rate), dtype=torch.float64)
    gates = [Gate("tanh 1", saturated / 2, saturated / 2, 0.0)]
    exponents = torch.tensor([math.log(rate)], dtype=torch.float64)
    flow = LayerFlow(name, norms, norms)
    return LayerDiagnosis(name, cell, flow, 64, {8: logs}, exponents, Activity(gates, 0.0), {})


@pytest.mark.parametrize(
    ("rate", "kind"), [(0.8, "vanishes"), (0.95, "healthy"), (1.0, "healthy"), (1.2, "explodes")]
)
def test_the_kind_follows_from_what_arrives_at_the_largest_lag(rate: float, kind: str) -> None:
    verdict = gradient_verdict([layer(rate)], CONFIG, ["task=x"], 100)
    assert verdict.kind == kind
    assert kind in verdict.sentences[0]
    assert bool(verdict.commands) == (kind != "healthy")


def test_all_layers_vanish_or_one_explodes() -> None:
    assert gradient_verdict([layer(0.5), layer(0.99, "b")], CONFIG, [], 1).kind == "healthy"
    assert gradient_verdict([layer(0.5), layer(0.6, "b")], CONFIG, [], 1).kind == "vanishes"
    exploding = gradient_verdict([layer(0.5), layer(1.5, "b")], CONFIG, [], 1)
    assert exploding.kind == "explodes"
    assert "in b (Elman)" in exploding.sentences[0]


def test_a_vanishing_gradient_has_its_start_its_cause_and_its_waste() -> None:
    history = {"layers.cells.0": [(10, 1e-5), (20, 0.5), (30, 1e-4), (40, 1e-6)]}
    verdict = gradient_verdict([layer(0.5, saturated=0.6)], CONFIG, ["task=x", "cell=elman"], 50, history)
    what, why, advice = verdict.sentences
    assert "half-life of 1 steps" in what
    assert "since step 30 of 50" in what
    assert "60% of the values of tanh 1 are saturated" in why
    assert "Of the 64 steps of the horizon 63 (98%) lie beyond the half-life" in advice
    settings = [line.split()[-1] for _, line in verdict.commands]
    assert settings == [
        "cell.recurrent_initialisation=orthogonal",
        "cell.forget_bias=3",
        "init.longest=64",
        "regulariser=norm_preserving",
        "cell=lstm",
        "data.chunk_length=10",
        "model.layers.layer_norm=true",
    ]
    assert all(line.startswith("python train.py task=x ") for _, line in verdict.commands)


def test_settings_that_a_run_has_already_or_cannot_have_are_not_advised() -> None:
    config = {"cell": {"recurrent_initialisation": "orthogonal"}, "trainer": {"gradient_clip_val": None}}
    verdict = gradient_verdict([layer(2.0, cell="LSTM")], config, [], 7)
    assert [line.split()[-1] for _, line in verdict.commands] == ["cell=lem", "trainer.gradient_clip_val=1"]
    verdict = gradient_verdict([layer(2.0, cell="LSTM")], config | {"engine": {"delta_clip": None}}, [], 7)
    assert verdict.commands[-1][1].split()[-1] == "engine.delta_clip=1.0"
    kept = {"init": {"longest": 9}, "regulariser": {"weight": 1.0}}
    words = [line for _, line in gradient_verdict([layer(0.5)], CONFIG | kept, [], 7).commands]
    assert not any("init=" in line or "regulariser=" in line for line in words)
    verdict = gradient_verdict([layer(2.0, cell="LSTM")], config, [], 7)
    assert "(at step 7)" in verdict.sentences[0]
    assert "contracts" in gradient_verdict([layer(0.1)], config, [], 7).sentences[1]


def test_a_horizon_of_its_own_is_shortened_by_its_own_key() -> None:
    config = {"data": {"chunk_length": 5}, "task": {"horizon": 64}}
    lines = [line for _, line in gradient_verdict([layer(0.5)], config, [], 7).commands]
    assert any(line.endswith(" task.horizon=10") for line in lines)


def test_a_command_keeps_the_words_of_the_run_but_those_of_the_same_key() -> None:
    typed = ["task=x", "cell=gru", "cell.hidden_size=8", "cell.reset=before", "data.path=a b.txt"]
    assert (
        command(typed, "cell=lem") == "python train.py task=x cell.hidden_size=8 'data.path=a b.txt' cell=lem"
    )
    assert command(["trainer.max_steps=3"], "trainer.max_steps=4") == "python train.py trainer.max_steps=4"


def test_without_a_gradient_nothing_is_claimed() -> None:
    norms = torch.tensor([1.0])
    one = LayerDiagnosis("a", "GRU", LayerFlow("a", norms, norms), 1, {}, norms, Activity([], 0.0), {})
    assert gradient_verdict([one], CONFIG, [], 1).kind == "unknown"


def test_changes_do_not_overflow() -> None:
    assert change(10.0, 10_000) < math.inf
    assert kind_of(change(10.0, 10_000)) == "explodes"
    assert kind_of(change(0.1, 10_000)) == "vanishes"
