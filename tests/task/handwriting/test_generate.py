"""Ink is written into files that are read back, and from training to ink every command works."""

import argparse
import json
import re

import numpy as np
import pytest
from PIL import Image

from throughtime.data.strokes import StrokeFiles
from throughtime.data.strokes.svg import read_svg
from throughtime.errors import UserError
from throughtime.task.handwriting.generate import DrawnInk, add_options, as_svg, as_table, generate, placed

INKS = [
    DrawnInk([np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([[1.0, 1.0], [2.0, 1.0], [2.0, 0.0]])], "a"),
    DrawnInk([np.array([[0.0, 0.0], [-1.0, -1.0], [0.5, 0.5]]), np.array([[3.0, 3.0]])], "b"),
]
SMALL = (
    "task=handwriting",
    "data.source.train=24",
    "data.source.val=4",
    "data.source.test=4",
    "data.source.hands=10",
    "data.source.longest=3",
    "data.batch_size=8",
    "cell.hidden_size=8",
    "head.components=3",
    "callback.samples.length=20",
    "callback.samples.count=1",
    "callback.samples.texts=[ab]",
    "trainer.accelerator=cpu",
    "trainer.val_check_interval=2",
    "engine=reference",
    "optim/schedule=constant",  # its rate does not depend on the number of steps
)


def run(task, *arguments):
    parser = argparse.ArgumentParser()
    add_options(parser)
    generate(task, parser.parse_args([str(one) for one in arguments]))


def test_svg_is_read_back_upside_down_and_in_one_unit(tmp_path):
    path = tmp_path / "ink.svg"
    path.write_text(as_svg(INKS[:1]))
    found = read_svg(path).strokes
    assert len(found) == 2
    unit = np.ptp(np.concatenate(found), axis=0) / np.ptp(np.concatenate(INKS[0].strokes), axis=0)
    assert unit[0] == pytest.approx(unit[1], rel=1e-3)
    corner = np.concatenate(found).min(0)
    for one, other in zip(found, INKS[0].strokes, strict=True):
        np.testing.assert_allclose((one - corner) / unit, other * (1, -1) + (0, 2), atol=0.01)


def test_a_table_is_read_back(tmp_path):
    path = tmp_path / "ink.csv"
    path.write_text(as_table(INKS))
    found = list(StrokeFiles().inks(path, labelled=True))
    assert [ink.facts["label"] for ink in found] == ["a", "b"]
    for ink, given in zip(found, INKS, strict=True):
        for one, other in zip(ink.strokes, given.strokes, strict=True):
            np.testing.assert_allclose(one, other)


def test_inks_of_a_page_do_not_overlap():
    page = placed(INKS * 4)
    boxes = [(np.concatenate(ink).min(0), np.concatenate(ink).max(0)) for ink in page.inks]
    for number, (low, high) in enumerate(boxes):
        assert (low >= 0).all() and (high <= (page.width, page.height)).all()
        for other_low, other_high in boxes[number + 1 :]:
            assert (low > other_high).any() or (other_low > high).any()


@pytest.mark.parametrize("suffix", ["svg", "png", "csv"])
def test_files_of_each_format(made, tmp_path, suffix, capsys):
    path = tmp_path / f"out.{suffix}"
    run(made(), "--label", "2", "0", "--samples", 3, "--length", 12, "--seed", 1, "--output", path)
    assert f"6 inks written to {path}" in capsys.readouterr().out
    if suffix == "png":
        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.min() < 100 and pixels.max() == 255
    elif suffix == "csv":
        found = StrokeFiles(resample="none", points=None).read(str(path))
        assert found.labels == ["2"] * 3 + ["0"] * 3
    else:
        assert read_svg(path).strokes


def test_all_classes_are_drawn_by_default(made, tmp_path):
    run(made(), "--output", tmp_path / "out.csv", "--length", 9)
    found = StrokeFiles(resample="none", points=None).read(str(tmp_path / "out.csv"))
    assert found.labels == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("condition", "arguments", "said"),
    [
        ("none", ["--text", "a"], "--text: this model was trained with no condition.*data.condition=text"),
        ("label", ["--text", "a"], "--text: this model was trained with a class"),
        ("text", ["--label", "a"], "--label: this model was trained with a text"),
        ("text", [], "give one with --text"),
        ("text", ["--text", "aé"], "'é'"),
        ("label", ["--label", "9"], "'9'"),
        ("none", ["--output", "ink.gif"], r"ink\.gif must end in one of: \.svg"),
        ("none", ["--samples", "0"], "samples"),
        ("none", ["--samples", "1000000"], "limit of 100,000"),
        ("none", ["--bias", "-1"], "bias"),
    ],
)
def test_options_that_do_not_fit_are_refused_and_nothing_is_written(
    made, tmp_path, monkeypatch, condition, arguments, said
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        run(made(condition), *arguments)
    assert list(tmp_path.iterdir()) == []


def test_from_training_to_ink(command, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    trained = command("train.py", *SMALL, "trainer.max_steps=4", f"hydra.run.dir={whole}")
    assert trained.returncode == 0, trained.stderr
    assert sorted(path.name for path in (whole / "samples").iterdir()) == [
        f"step_00000{step}.{suffix}" for step in (2, 4) for suffix in ("png", "svg")
    ]
    assert (whole / "figures" / "density.png").is_file()
    results = json.loads((whole / "results.json").read_text())["metrics"]
    assert results["test/nll"] == pytest.approx(
        sum(results[f"test/nll_{part}"] for part in ("offset", "pen", "end"))
    )

    assert command("train.py", *SMALL, "trainer.max_steps=2", f"hydra.run.dir={cut}").returncode == 0
    resumed = command("train.py", f"resume={cut}", "trainer.max_steps=4")
    assert resumed.returncode == 0, resumed.stderr
    again = json.loads((cut / "results.json").read_text())["metrics"]
    assert again["test/nll"] == results["test/nll"]

    evaluated = json.loads(command("scripts/evaluate.py", whole, "--json").stdout)
    assert evaluated["test/nll"] == pytest.approx(results["test/nll"], abs=1e-5)
    drawn = command("scripts/generate.py", whole, "--text", "hello", "--bias", "0.5", "--output", "hello.svg")
    assert drawn.returncode == 0, drawn.stderr
    assert re.search(r"1 ink written to .*hello\.svg", drawn.stdout)
    refused = command("scripts/generate.py", whole, "--text", "Hello")
    assert refused.returncode == 2 and "'H'" in refused.stderr
    exported = command("scripts/export.py", whole, "--format", "onnx", "--output", tmp_path / "out")
    assert exported.returncode == 2 and "--format safetensors" in exported.stderr
