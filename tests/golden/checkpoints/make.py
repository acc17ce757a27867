"""Tiny checkpoints of every task with their expected numbers; `python tests/golden/checkpoints/make.py` writes them.

They hold the format: a checkpoint that was written once loads and gives its numbers ever after. They are made anew
only for a new task, which is named on the command line; a change that would need new ones for an old task breaks the
checkpoints of users.
"""

import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
COMMON = (
    "cell.hidden_size=4",
    "data.batch_size=4",
    "trainer.max_steps=30",
    "trainer.val_check_interval=30",
    "trainer.accelerator=cpu",
    "logger=none",
)
SETTINGS = {
    "textgen": ("model.front.size=4", "data.chunk_length=16", "callback.samples.length=5"),
    "tagging": (
        "data=conll",
        "model.front.size=4",
        "model.front.characters.size=4",
        "model.front.characters.hidden_size=4",
    ),
    "forecasting": ("data=csv", "data.time=time", "data.look_back=24", "data.horizon=6", "data.seasons=[6]"),
    "classification": ("data=images", "data.source.label_column=1", "pooling=attention"),
    "music": (
        "data=piano_rolls",
        "head=nade",
        "head.hidden_size=4",
        "model.front.size=4",
        "data.chunk_length=8",
        "callback.samples.length=4",
    ),
    "handwriting": (
        "data=ink",
        "data.condition=text",
        "callback.samples.length=8",
        "callback.samples.count=1",
    ),
    "transcription": ("data=transcribed_strokes",),
    "algorithmic": (
        "data=parity",
        "data.train_lengths=[1,6]",
        "data.val_lengths=[7,9]",
        "data.test_lengths=[7,12]",
    ),
}
"""What each run has besides `COMMON` and its data."""


def write_data(task: str, folder: Path) -> Path | None:
    """The file of a task's data, generated from a fixed seed; None where the configuration generates them."""
    generator = random.Random(0)
    if task == "textgen":
        path = folder / "letters.txt"
        words = ("abba", "cab", "dad", "bead", "face")
        path.write_text("".join(f"{' '.join(generator.choices(words, k=6))}\n" for _ in range(60)))
    elif task == "tagging":
        path = folder / "tags.conll"
        tags = {"the": "D", "a": "D", "cat": "N", "dog": "N", "sees": "V", "hears": "V"}
        subjects = [("the", "a"), ("cat", "dog"), ("sees", "hears"), ("the", "a"), ("cat", "dog")]
        sentences = [[generator.choice(words) for words in subjects] for _ in range(60)]
        path.write_text(
            "".join("".join(f"{word} {tags[word]}\n" for word in one) + "\n" for one in sentences)
        )
    elif task == "classification":
        path = folder / "pixels.csv"
        images = [
            [label, *(generator.randint(0, 99 + 50 * label) for _ in range(16))] for label in (0, 1, 2) * 30
        ]
        path.write_text("".join(f"{','.join(map(str, image))}\n" for image in images))
    elif task == "music":
        path = folder / "pieces.json"
        path.write_text(json.dumps([[_chord(generator) for _ in range(12)] for _ in range(20)]))
    elif task in ("handwriting", "transcription"):
        path = folder / "ink.csv"
        words = [generator.choice(("lv", "vl", "ll", "v")) for _ in range(60)]
        path.write_text(
            "id,label,x,y,pen\n" + "".join(_ink(number, word) for number, word in enumerate(words))
        )
    elif task == "algorithmic":
        return None
    else:
        path = folder / "wave.csv"
        rows = (f"2024-01-01 {step // 60:02}:{step % 60:02}:00,{math.sin(step):.4f}\n" for step in range(600))
        path.write_text("time,value\n" + "".join(rows))
    return path


def _chord(generator: random.Random) -> list[int]:
    """The pitches of a major or minor chord."""
    root = generator.choice((48, 53, 55))
    return [root, root + generator.choice((3, 4)), root + 7]


def _ink(number: int, word: str) -> str:
    """The points of a word of the letters l, a line, and v, two lines that meet, as rows of a table."""
    shapes = {"l": ((0, 2), (0, 1), (0, 0)), "v": ((0, 2), (0.5, 0), (1, 2))}
    points = [
        (x + 1.5 * place + 0.01 * number, y, int(y == 0 if letter == "l" else x == 1))
        for place, letter in enumerate(word)
        for x, y in shapes[letter]
    ]
    return "".join(f"{number},{word},{x:.2f},{y},{pen}\n" for x, y, pen in points)


def main() -> None:
    """Train a tiny model of each task, or of those named, and keep its best checkpoint beside what it gives."""
    for task in sys.argv[1:] or SETTINGS:
        settings = SETTINGS[task]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            data = write_data(task, folder)
            place = () if data is None else (f"data.path={data.name}",)
            words = (f"task={task}", *COMMON, *settings, *place, "hydra.run.dir=run")
            subprocess.run([sys.executable, str(REPOSITORY / "train.py"), *words], cwd=folder, check=True)
            results = json.loads((folder / "run" / "results.json").read_text())
            shutil.copy(folder / "run" / "checkpoints" / "best.ckpt", FOLDER / f"{task}.ckpt")
            expected = {name: value for name, value in results["metrics"].items() if name.startswith("test/")}
            (FOLDER / f"{task}.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
