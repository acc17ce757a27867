"""Music through every command, on the chorales that are the default: trained, measured, continued and exported."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = (
    "task=music",
    "data.source.count=5",
    "data.transpose=2",
    "model=delays",
    "model.layers.delays=[3,4]",
    "cell.hidden_size=8",
    "engine=reference",
    "logger=none",
    "callback.samples.length=4",
    "trainer.max_steps=4",
    "trainer.val_check_interval=2",
)


def test_from_training_to_an_exported_graph(command: Callable, tmp_path: Path) -> None:
    pytest.importorskip("music21", reason="the chorales need the extra [music]")
    pytest.importorskip("onnx", reason="the graph needs the extra [onnx]")
    run = tmp_path / "run"
    trained = command("train.py", *SMALL, f"hydra.run.dir={run}")
    assert trained.returncode == 0, trained.stderr
    assert "5 pieces of music (chorales), 2 steps a beat" in trained.stdout
    results = json.loads((run / "results.json").read_text())
    assert {
        f"test/{name}" for name in ("nll", "nll_after_first", "frame_accuracy", "precision", "recall", "f1")
    } <= set(results["metrics"])
    evaluated = json.loads(command("scripts/evaluate.py", run, "--json").stdout)
    assert evaluated == pytest.approx({name: results["metrics"][name] for name in evaluated}, abs=1e-4)
    exported = command("scripts/export.py", run, "--format", "onnx", "--output", tmp_path / "exported")
    assert exported.returncode == 0, exported.stderr
    assert "frames [T, B, 88]" in exported.stdout, exported.stdout


def test_a_wrong_prompt_is_told_in_a_sentence(command: Callable, music_run: Path, tmp_path: Path) -> None:
    (tmp_path / "bach.mid").write_bytes(b"MThd no music")
    written = command(
        "scripts/generate.py", music_run, "--prompt", tmp_path / "bach.mid", "--output", "new.mid"
    )
    assert written.returncode == 2 and "bach.mid is not a whole MIDI file" in written.stderr
    assert not (tmp_path / "new.mid").exists()
