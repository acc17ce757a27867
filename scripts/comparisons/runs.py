"""The runs of a comparison, each in a folder of its own: begun, gone on with, or left as they are."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from throughtime.config.override_syntax import expand_home
from throughtime.errors import UserError
from throughtime.run.recorded_files import read_results

TRAIN = Path(__file__).resolve().parent.parent.parent / "train.py"


def folder_of(name: str) -> str:
    """The folder of a run."""
    return "".join(letter if letter.isalnum() or letter in "._" else "-" for letter in name)


def train(name: str, words: Sequence[str], folder: Path) -> None:
    """Run train.py in a folder, unless it holds a completed run; go on with one that was stopped.

    Raises:
        UserError: the folder has a run with other settings, or the run failed.
    """
    place = json.dumps(str(folder.absolute()))
    results = folder / "results.json"
    started = results.is_file()
    if started:
        recorded = read_results(results, ("status", "overrides"))
        _check_settings(recorded["overrides"], words, folder)
        if recorded["status"] == "completed":
            return
    words = [f"resume={place}"] if started else [*words, f"hydra.run.dir={place}"]
    print(f"{name}: {' '.join(words)}", file=sys.stderr, flush=True)
    finished = subprocess.run([sys.executable, str(TRAIN), *words], stdout=subprocess.DEVNULL)
    if finished.returncode != 0:
        raise UserError(f"{name}: train.py ended with code {finished.returncode}, for the reason above")


def _check_settings(recorded: Sequence[str], words: Sequence[str], folder: Path) -> None:
    """Raise `UserError` where a run that is there has other settings than those that are compared."""
    asked = {word for word in expand_home(words) if not word.startswith(("trust=", "hydra."))}
    if other := sorted(asked.symmetric_difference(recorded)):
        raise UserError(
            f"{folder} has a run with other settings ({', '.join(other)}); give the comparison a folder of its own"
        )


def check_folder(folder: Path, outputs: Iterable[str], names: Iterable[str]) -> None:
    """Raise `UserError` where the folder has an output that no earlier comparison of these runs can have written."""
    taken = [name for name in outputs if (folder / name).exists()]
    if taken and not any((folder / folder_of(name) / "results.json").is_file() for name in names):
        raise UserError(f"{folder / taken[0]} is not of an earlier comparison; give a folder of its own")


def seeds_of(text: str) -> list[int]:
    """The seeds that were typed."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds {text} must be whole numbers with commas between, such as 1,2,3") from error


def mean_and_deviation(values: Sequence[float]) -> str:
    """A mean with the standard deviation over the seeds, where there are several."""
    mean = f"{statistics.fmean(values):.4f}"
    return f"{mean} ± {statistics.stdev(values):.4f}" if len(values) > 1 else mean
