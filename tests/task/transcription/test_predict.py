"""From the training of the shortened default to transcripts of files, by every command."""

import csv
import io
import json
import shutil

import pytest

SMALL = (
    "task=transcription",
    "cell.hidden_size=8",
    "model.front.factor=4",
    "engine=reference",
    "logger=none",
    "data.source.lines=64",
    "data.source.eval_lines=8",
    "trainer.max_steps=4",
    "trainer.val_check_interval=2",
)
INK = '<svg><path d="M 0 0 L 1 2 L 2 0 L 3 2 L 4 0 L 5 2 L 6 1"/></svg>'


@pytest.fixture(scope="module")
def spelled(command_in, tmp_path_factory):
    """The folder of a shortened default run of a causal model, and the command in its home."""
    home = tmp_path_factory.mktemp("transcription")
    command = command_in(home)
    finished = command("train.py", *SMALL, "model=transcriber_causal", f"hydra.run.dir={home / 'run'}")
    assert finished.returncode == 0, finished.stderr
    (home / "ink.svg").write_text(INK)
    return home / "run", command


def rows(finished):
    assert finished.returncode == 0, finished.stderr
    return list(csv.DictReader(io.StringIO(finished.stdout)))


def test_a_run_leaves_its_transcripts_and_its_figure_and_is_measured_again(spelled):
    run, command = spelled
    results = json.loads((run / "results.json").read_text())
    with (run / "transcripts_test.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 8
    assert [file.name for file in (run / "figures").iterdir()] == ["posterior.png"]
    assert {"test/cer", "test/wer", "test/sentence_accuracy", "test/left_out"} < set(results["metrics"])
    found = json.loads(command("scripts/evaluate.py", run, "--json").stdout)
    assert found == pytest.approx({name: results["metrics"][name] for name in found}, abs=1e-5)


def test_files_have_transcripts_with_times(spelled):
    run, command = spelled
    (row,) = rows(command("scripts/predict.py", run, "ink.svg"))
    assert list(row) == ["name", "text", "log_probability", "times"] and row["name"] == "ink.svg"
    assert len(row["times"].split()) == len(row["text"]) and float(row["log_probability"]) <= 0


def test_a_language_model_takes_part_in_a_beam_search(spelled, trained, tmp_path):
    run, command = spelled
    (tmp_path / "words.txt").write_text("the cat\nthe hat\n" + "".join(map(chr, range(97, 123))))
    plain = rows(command("scripts/predict.py", run, "ink.svg", "--beam", "8"))
    fused = rows(
        command("scripts/predict.py", run, "ink.svg", "--lm", tmp_path / "words.txt", "--lm-weight", "20")
    )
    assert len(plain) == len(fused) == 1 and plain[0]["text"] != fused[0]["text"]
    refused = command("scripts/predict.py", run, "ink.svg", "--lm", trained.run)
    assert refused.returncode == 2 and "is no single token of this model" in refused.stderr


def test_a_stream_prints_the_greedy_transcript(spelled):
    run, command = spelled
    (row,) = rows(command("scripts/predict.py", run, "ink.svg"))
    streamed = command("scripts/predict.py", run, "ink.svg", "--stream")
    assert streamed.stdout == f"ink.svg: {row['text']}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.svg"], "FILE=none.svg does not exist"),
        (["ink.svg", "--stream", "--beam", "4"], "--stream prints the greedy transcript"),
        (["ink.svg", "--beam", "0"], "--beam 0 must be at least 1"),
        (["ink.svg", "--lm", "none.arpa"], "--lm none.arpa does not exist"),
    ],
)
def test_a_wrong_option_is_a_sentence(spelled, arguments, message):
    run, command = spelled
    finished = command("scripts/predict.py", run, *arguments)
    assert finished.returncode == 2 and message in finished.stderr, finished.stderr


def test_it_resumes(spelled, tmp_path):
    run, command = spelled
    shutil.copytree(run, tmp_path / "run")
    resumed = command("train.py", f"resume={tmp_path / 'run'}", "trainer.max_steps=6")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads((tmp_path / "run" / "results.json").read_text())["steps"] == 6


@pytest.mark.slow
def test_it_is_exported_to_onnx(spelled, tmp_path):
    run, command = spelled
    exported = command("scripts/export.py", run, "--format", "onnx", "--output", tmp_path / "exported")
    assert exported.returncode == 0, exported.stderr
    assert "inputs [T, B, 3]" in exported.stdout and "steps" in exported.stdout


@pytest.mark.slow
def test_the_default_reaches_a_character_error_rate_of_5_per_cent(command, tmp_path):
    finished = command("train.py", "task=transcription", f"hydra.run.dir={tmp_path / 'run'}", "logger=none")
    assert finished.returncode == 0, finished.stderr
    metrics = json.loads((tmp_path / "run" / "results.json").read_text())["metrics"]
    assert metrics["test/cer"] <= 0.05 and metrics["test/left_out"] == 0
