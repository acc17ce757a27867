"""A classifier through every command: trained, measured, used and exported; and what is wrong with data is told."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

SMALL = (
    "task=classification",
    "cell.hidden_size=8",
    "engine=reference",
    "logger=none",
    "trainer.max_steps=6",
    "trainer.val_check_interval=3",
)


@pytest.mark.parametrize("model", ["classifier", "classifier_bidirectional"])
def test_from_training_to_predictions_and_an_exported_graph(model, command, tmp_path) -> None:
    run = tmp_path / "run"
    trained = command("train.py", *SMALL, f"model={model}", "pooling=max", f"hydra.run.dir={run}")
    assert trained.returncode == 0, trained.stderr
    assert "1-nearest neighbour" in trained.stdout and "logistic regression" in trained.stdout
    results = json.loads((run / "results.json").read_text())
    with (run / "classes_test.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [str(digit) for digit in range(10)]
    causal = model == "classifier"
    figures = {file.stem for file in (run / "figures").glob("*.png")}
    assert figures == {"confusion", "reliability"} | ({"running"} if causal else set())

    evaluated = command("scripts/evaluate.py", run, "--json")
    found = json.loads(evaluated.stdout)
    assert found == pytest.approx({name: results["metrics"][name] for name in found}, abs=1e-5)

    pixels = np.random.default_rng(0).integers(0, 255, (20, 16), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    predicted = command("scripts/predict.py", run, tmp_path / "one.png")
    assert predicted.returncode == 0, predicted.stderr
    (row,) = csv.DictReader(io.StringIO(predicted.stdout))
    assert row["name"] == str(tmp_path / "one.png")
    assert max((str(digit) for digit in range(10)), key=lambda digit: float(row[digit])) == row["label"]
    streamed = command("scripts/predict.py", run, tmp_path / "one.png", "--stream", "--output", "out.csv")
    if causal:
        steps = list(csv.DictReader((tmp_path / "out.csv").open()))
        assert [step["step"] for step in steps] == [str(number) for number in range(1, 9)]
        assert {**steps[-1], "step": ""} == {**row, "step": ""}
    else:
        assert streamed.returncode == 2 and "bidirectional" in streamed.stderr

    exported = command("scripts/export.py", run, "--format", "onnx", "--output", tmp_path / "exported")
    assert exported.returncode == 0, exported.stderr
    assert "inputs [T, B, 8]" in exported.stdout, exported.stdout


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty folder", "has no folder in it"),
        ("a class with one file", "the class b has 1 sequence, too few for 3 parts"),
        ("no bytes", "0.png is empty"),
        ("labels are numbers", "the labels are numbers"),
    ],
)
def test_what_is_wrong_with_images_is_told_in_one_sentence(kind, message, command, tmp_path) -> None:
    place = tmp_path / "images"
    place.mkdir()
    if kind == "labels are numbers":
        place = tmp_path / "a.csv"
        rows = (f"{number / 7:.3f},{number},1,2,3\n" for number in range(60))
        place.write_text("label,a,b,c,d\n" + "".join(rows))
    elif kind != "empty folder":
        for name, count in (("a", 5), ("b", 1 if kind == "a class with one file" else 5)):
            (place / name).mkdir()
            for number in range(count):
                Image.fromarray(np.zeros((4, 4), np.uint8)).save(place / name / f"{number}.png")
        if kind == "no bytes":
            (place / "a" / "0.png").write_bytes(b"")
    finished = command("train.py", *SMALL, "data=images", f"data.path={place}")
    assert finished.returncode == 2
    assert message in finished.stderr and finished.stderr.count("\n") == 1, finished.stderr
    assert list(tmp_path.rglob("config.yaml")) == []
