"""A classifier through every command: trained, measured, used and exported; and what is wrong with data is told."""

import csv
import io
import json
import re

import numpy as np
import pytest
import soundfile
from PIL import Image
from toy_recordings import tone, write_spoken, write_tone

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


STRINGS = {
    "symbols": "".join(f">g{n} class={'ab'[n % 2]}\n{'AC' if n % 2 else 'gt'}ACGTN\n" for n in range(40))
}
STRINGS["labelled_text"] = "".join(
    f"__label__{'ab'[n % 2]} {'fine' if n % 2 else 'poor'} film {n}\n" for n in range(40)
)


@pytest.mark.parametrize(
    ("data", "name", "settings", "new"),
    [
        (
            "symbols",
            "genes.fa",
            ["data.source.label_pattern='class=(?P<label>.)'", "data.augmentation.probability=0.5"],
            ">one\nACAC\nGTN\n>two\nggg\n",
        ),
        (
            "labelled_text",
            "texts.txt",
            ["tokenizer=bpe", "tokenizer.vocabulary_size=260"],
            "a fine film\nno\n",
        ),
    ],
)
def test_strings_and_texts_go_through_every_command(data, name, settings, new, command, tmp_path) -> None:
    file, run = tmp_path / name, tmp_path / "run"
    file.write_text(STRINGS[data])
    trained = command(
        "train.py", *SMALL, f"data={data}", f"data.path={file}", *settings, f"hydra.run.dir={run}"
    )
    assert trained.returncode == 0, trained.stderr
    results = json.loads((run / "results.json").read_text())
    evaluated = json.loads(command("scripts/evaluate.py", run, "--json").stdout)
    assert evaluated == pytest.approx({key: results["metrics"][key] for key in evaluated}, abs=1e-5)
    other = command("scripts/evaluate.py", run, "--path", file, "--json")
    assert other.returncode == 0, other.stderr

    file = tmp_path / f"new{file.suffix}"
    file.write_text(new)
    predicted = command("scripts/predict.py", run, file)
    assert predicted.returncode == 0, predicted.stderr
    rows = list(csv.DictReader(io.StringIO(predicted.stdout)))
    assert [row["name"] for row in rows] == [
        f"{file}:{place}" for place in (("one", "two") if data == "symbols" else (1, 2))
    ]
    assert all(float(row["a"]) + float(row["b"]) == pytest.approx(1, abs=1e-3) for row in rows)
    streamed = command("scripts/predict.py", run, file, "--stream")
    assert len(streamed.stdout.splitlines()) > 3, streamed.stderr


@pytest.mark.parametrize(
    ("data", "files", "message"),
    [
        ("symbols", {}, "matches no file"),
        (
            "symbols",
            {"a.txt": "AC\nGT\nA\n", "b.txt": "C\n"},
            "the class b has 1 sequence, too few for 3 parts",
        ),
        ("symbols", {"a.txt": "", "b.txt": "C\n"}, "a.txt is empty"),
        ("symbols", {"x/a.txt": "A\n", "y/a.txt": "C\n"}, "are both named a"),
        ("labelled_text", {}, "matches no file"),
        ("labelled_text", {"a/1.txt": "x", "b/1.txt": ""}, "1.txt is empty"),
        ("labelled_text", {"t.csv": "text,mood\nx,a\n"}, "data.source.label_column: no column of"),
        (
            "labelled_text",
            {"t.txt": "a one\na two\na six\nb\n"},
            "t.txt, line 4: there is no text after the label",
        ),
    ],
)
def test_what_is_wrong_with_strings_and_texts_is_told_in_one_sentence(
    data, files, message, command, tmp_path
) -> None:
    place = tmp_path / "files"
    place.mkdir()
    for name, content in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(content)
    finished = command("train.py", *SMALL, f"data={data}", f"data.path={place}")
    assert finished.returncode == 2
    assert message in finished.stderr and finished.stderr.count("\n") == 1, finished.stderr
    assert not list((tmp_path / "runs").glob("*/*"))


SPOKEN = (
    "data=audio",
    'data.source.pattern="{pitch}_{speaker}_{take}.wav"',
    "data.source.label=pitch",
    "data.source.test={take:[0,1]}",
)


def test_recordings_go_through_every_command(command, tmp_path) -> None:
    folder, run = write_spoken(tmp_path / "spoken"), tmp_path / "run"
    distorted = (
        "data.augmentation.speed=0.1",
        "data.augmentation.noise=10",
        "data.augmentation.time_mask=0.2",
    )
    trained = command("train.py", *SMALL, *SPOKEN, f"data.path={folder}", *distorted, f"hydra.run.dir={run}")
    assert trained.returncode == 0, trained.stderr
    assert "1-NN DTW" in trained.stdout and (run / "figures" / "running.png").is_file()
    results = json.loads((run / "results.json").read_text())
    evaluated = json.loads(command("scripts/evaluate.py", run, "--json").stdout)
    assert evaluated == pytest.approx({key: results["metrics"][key] for key in evaluated}, abs=1e-5)

    other = command("scripts/evaluate.py", run, "--path", write_spoken(tmp_path / "other", 1), "--json")
    assert other.returncode == 0, other.stderr

    new = write_tone(tmp_path / "new.flac", 220, rate=16_000)
    predicted = command("scripts/predict.py", run, new, folder / "high_ann_0.wav")
    assert predicted.returncode == 0, predicted.stderr
    rows = list(csv.DictReader(io.StringIO(predicted.stdout)))
    assert [row["name"] for row in rows] == [str(new), str(folder / "high_ann_0.wav")]
    streamed = command("scripts/predict.py", run, new, "--stream")
    steps = list(csv.DictReader(io.StringIO(streamed.stdout)))
    assert len(steps) == 28 and steps[-1]["low"] == rows[0]["low"], streamed.stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("a class with one file", "the class one has 1 sequence, too few for 2 parts"),
        ("no bytes", "low_ann_2.wav is empty"),
        ("corrupt", "low_ann_2.wav cannot be read as audio"),
        ("not finite", "low_ann_2.wav: the sample at 0.0125 s is nan"),
        ("other name", "low.wav does not match data.source.pattern="),
    ],
)
def test_what_is_wrong_with_recordings_is_told_in_one_sentence(kind, message, command, tmp_path) -> None:
    folder = write_spoken(tmp_path / "spoken")
    file = folder / "low_ann_2.wav"
    if kind == "a class with one file":
        write_tone(folder / "one_ann_7.wav")
    elif kind == "no bytes":
        file.write_bytes(b"")
    elif kind == "corrupt":
        file.write_bytes(b"RIFF" + bytes(range(200)))
    elif kind == "not finite":
        samples = tone()
        samples[100] = np.nan
        soundfile.write(file, samples, 8000, subtype="FLOAT")
    else:
        file.rename(folder / "low.wav")
    finished = command("train.py", *SMALL, *SPOKEN, f"data.path={folder}")
    assert finished.returncode == 2
    assert message in finished.stderr and finished.stderr.count("\n") == 1, finished.stderr
    assert not list((tmp_path / "runs").glob("*/*"))


def test_a_label_that_only_the_test_part_has_is_named(command, tmp_path) -> None:
    (tmp_path / "train.txt").write_text("a one\nb two\na three\nb four\n")
    (tmp_path / "test.txt").write_text("a one\nc two\n")
    finished = command(
        "train.py",
        *SMALL,
        "data=labelled_text",
        f"data.train_path={tmp_path / 'train.txt'}",
        f"data.test_path={tmp_path / 'test.txt'}",
        "data.split=[1,0,0]",
    )
    assert finished.returncode == 2
    assert "test.txt:2: the label c is in the test part but on no training sequence" in finished.stderr


def test_series_of_unequal_lengths_from_training_to_running_predictions(command, tmp_path) -> None:
    run, file = tmp_path / "run", tmp_path / "one.ts"
    words = ("data=timeseries", "data.resample=2", "data.source.frame=4", "data.source.hop=2")
    trained = command("train.py", *SMALL, *words, "~callback.class_figures", f"hydra.run.dir={run}")
    assert trained.returncode == 0, trained.stderr
    assert "JapaneseVowels (sktime)" in trained.stdout and "resample 2" in trained.stdout
    assert "1-NN DTW " in trained.stdout and "no logistic regression" in trained.stdout
    results = json.loads((run / "results.json").read_text())
    evaluated = command("scripts/evaluate.py", run, "--json")
    found = json.loads(evaluated.stdout)
    assert found == pytest.approx({name: results["metrics"][name] for name in found}, abs=1e-5)

    channel = "0.1,?,0.3,0.2,0.5,0.1,0.0"
    file.write_text("@timeStamps false\n@classLabel false\n@data\n" + ":".join([channel] * 12) + "\n")
    whole = command("scripts/predict.py", run, file)
    streamed = command("scripts/predict.py", run, file, "--stream")
    (row,) = csv.DictReader(io.StringIO(whole.stdout))
    steps = list(csv.DictReader(io.StringIO(streamed.stdout)))
    assert row["name"] == f"{file}:4" and len(steps) == 3
    assert {**steps[-1], "step": ""} == {**row, "step": ""}

    file.write_text(file.read_text().replace("0.5", "half", 1))
    wrong = command("scripts/predict.py", run, file)
    assert wrong.returncode == 2
    assert "one.ts, line 4: value 5 of channel 1 is 'half'" in wrong.stderr and wrong.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.ts", "@classLabel true a b\n@data\n" + "1,2:a\n" * 9 + "1,2:b\n", "the class b has 1 sequence"),
        ("a.ts", "@timeStamps true\n@classLabel true a b\n@data\n", "has @timeStamps true"),
        ("a.tsv", "1\t2\t3\n2\t1\tx\n", "a.tsv, line 2: value 2 of the series is 'x'"),
        ("a.csv", "id,x,label\n1,2,a\n1,2,b\n", "a.csv, line 3: the class of 1 is b, but a in line 2"),
        ("a.tsv", "".join(f"{number / 7:.3f}\t1\t2\n" for number in range(60)), "the labels are numbers"),
    ],
)
def test_what_is_wrong_with_series_is_told_in_one_sentence(name, lines, message, command, tmp_path) -> None:
    (tmp_path / name).write_text(lines)
    finished = command("train.py", *SMALL, "data=timeseries", f"data.path={tmp_path / name}")
    assert finished.returncode == 2
    assert message in finished.stderr and finished.stderr.count("\n") == 1, finished.stderr
    assert not [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]


def test_two_tasks_are_learned_together_and_then_one_of_them_alone(command, tmp_path) -> None:
    for name, labels in {"films": ("good", "bad"), "products": ("pos", "neg")}.items():
        rows = [f"{labels[n % 2]},the {name} {('shine', 'fail')[n % 2]} {n}" for n in range(60)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    settings = (
        *SMALL,
        *("data=multitask_text", "tokenizer=words", "model=multitask_coupled", "pooling=mean"),
        f"data.path={{films: {tmp_path}/films.csv, products: {tmp_path}/products.csv}}",
    )
    both, one = tmp_path / "both", tmp_path / "one"
    trained = command("train.py", *settings, f"hydra.run.dir={both}")
    assert trained.returncode == 0, trained.stderr
    metrics = json.loads((both / "results.json").read_text())["metrics"]
    own = [metrics[f"test/{name}/accuracy"] for name in ("films", "products")]
    assert metrics["test/accuracy"] == pytest.approx(sum(own) / 2)
    assert "predict      python scripts/predict.py both FILE --task films" in trained.stdout

    tuned = command("train.py", *settings, "data.task=products", f"init_from={both}", f"hydra.run.dir={one}")
    assert tuned.returncode == 0, tuned.stderr
    assert re.search(r"starts from .*: (\d+) of \1 weights", tuned.stdout)
    evaluated = command("scripts/evaluate.py", one, "--path", tmp_path / "products.csv", "--json")
    assert {"test/accuracy", "test/products/accuracy"} <= set(json.loads(evaluated.stdout))
    refused = command("scripts/evaluate.py", both, "--path", tmp_path / "products.csv")
    assert refused.returncode == 2 and "can be of any of the tasks films, products" in refused.stderr
