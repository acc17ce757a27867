"""A trained task measured again gives what it gave, and on other data what those data give."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference import evaluate as evaluation
from throughtime.inference.evaluate import evaluate
from throughtime.inference.load import load
from throughtime.run.checkpoint_content import FINGERPRINT


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))


def test_its_own_test_split_gives_the_metrics_of_the_run(trained) -> None:
    results = json.loads((trained.run / "results.json").read_text())
    expected = {name: value for name, value in results["metrics"].items() if name.startswith("test/")}
    assert evaluate(str(trained.run)) == pytest.approx(expected, rel=1e-6)


def test_other_text_is_measured_as_a_whole(trained, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("abc def\n" * 300)
    (tmp_path / "twice.txt").write_text("abc def\n" * 600)
    once = evaluate(str(trained.run), str(tmp_path / "other.txt"))
    twice = evaluate(str(trained.run / "checkpoints" / "best.ckpt"), str(tmp_path / "twice.txt"))
    assert once["test/loss"] == pytest.approx(twice["test/loss"], rel=0.02)
    assert once["test/bpc"] == pytest.approx(once["test/loss"] / math.log(2))
    assert once["test/loss"] != evaluate(str(trained.run))["test/loss"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is the GPU that the run was trained on")
def test_a_run_trained_on_a_gpu_is_measured_where_there_is_none(
    trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*arguments):
        loaded = load(*arguments)
        return replace(
            loaded, config=loaded.config | {"trainer": loaded.config["trainer"] | {"accelerator": "gpu"}}
        )

    expected = evaluate(str(trained.run))
    monkeypatch.setattr(evaluation, "load", elsewhere)
    assert evaluate(str(trained.run)) == expected


def test_mistakes_are_told(trained, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt"):
        evaluate(str(trained.run), str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match="no such folder"):
        evaluate(str(tmp_path / "none"))


def test_a_file_that_a_checkpoint_was_not_trained_on_is_measured_only_where_it_is_named(
    trained, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("abc def\n" * 300)
    content = torch.load(trained.run / "checkpoints" / "best.ckpt", weights_only=True)
    data = content["config"]["data"] | {"path": str(secret)}
    forged = content | {"config": content["config"] | {"data": data}}
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    checkpoint = tmp_path / "run" / "checkpoints" / "best.ckpt"
    for recorded in (forged, {name: value for name, value in forged.items() if name != FINGERPRINT}):
        torch.save(recorded, checkpoint)
        with pytest.raises(UserError, match=r"not the data that .* was trained on.*--path .*secret\.txt"):
            evaluate(str(checkpoint))
    assert evaluate(str(checkpoint), str(secret))["test/loss"] > 0
    torch.save(content, checkpoint)
    assert evaluate(str(checkpoint)) == evaluate(str(trained.run))


def test_a_checkpoint_without_a_fingerprint_takes_that_of_its_run(trained, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    checkpoint = run / "checkpoints" / "best.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    del content[FINGERPRINT]
    torch.save(content, checkpoint)
    assert evaluate(str(run)) == evaluate(str(trained.run))


def test_the_script_prints_a_metric_a_line_or_json(command, trained, tmp_path: Path) -> None:
    as_json = command("scripts/evaluate.py", trained.run, "--json")
    table = command("scripts/evaluate.py", trained.run)
    assert as_json.stderr == table.stderr and table.stderr.startswith("reading ")
    assert table.stdout.split()[::2] == list(json.loads(as_json.stdout))
    wrong = command("scripts/evaluate.py", tmp_path / "none")
    assert wrong.returncode == 2 and wrong.stderr.startswith("error: ") and wrong.stderr.count("\n") == 1


def test_forecasts_are_measured_again_with_the_scaler_of_their_run(command, tmp_path: Path) -> None:
    rows = "".join(
        f"2026-01-{1 + hour // 24:02} {hour % 24:02}:00,{hour % 24 + hour / 100}\n" for hour in range(600)
    )
    (tmp_path / "series.csv").write_text("time,load\n" + rows)
    (tmp_path / "other.csv").write_text("time,wind\n" + rows)
    run = tmp_path / "run"
    options = ("data=csv", f"data.path={tmp_path}/series.csv", "data.time=time", "cell.hidden_size=8")
    arguments = ("task=forecasting", *options, "trainer.max_steps=5", f"hydra.run.dir={run}")
    assert command("train.py", *arguments).returncode == 0
    metrics = json.loads((run / "results.json").read_text())["metrics"]
    again = evaluate(str(run))
    assert again["test/rmse"] == pytest.approx(metrics["test/rmse"], rel=1e-5)
    assert evaluate(str(run), str(tmp_path / "series.csv")) == pytest.approx(again)
    with pytest.raises(UserError, match="has the series wind, but the model was trained on load"):
        evaluate(str(run), str(tmp_path / "other.csv"))


@pytest.mark.parametrize(
    ("name", "read"), [("mine.txt", True), (".secret/mine.txt", False), ("../mine.txt", False)]
)
def test_a_checkpoint_without_any_record_reads_what_lies_here(
    name: str, read: bool, trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / ".secret").mkdir(parents=True)
    monkeypatch.chdir(here)
    (here / name).write_text("abc def\n" * 300)
    content = torch.load(trained.run / "checkpoints" / "best.ckpt", weights_only=True)
    del content[FINGERPRINT]
    content["config"]["data"]["path"] = str(here / name)
    torch.save(content, here / "only.ckpt")
    if read:
        assert evaluate("only.ckpt")["test/loss"] > 0
        return
    with pytest.raises(UserError, match="not the data that"):
        evaluate("only.ckpt")
