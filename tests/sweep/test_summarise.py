"""A sweep ends with what it came to: on the terminal, in files, in TensorBoard, and in its exit code."""

import csv
import shutil
import statistics
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import IMAGES, EventAccumulator

from throughtime.sweep.summarise import resume_command, summarise


def test_a_sweep_with_failures_shows_them_and_its_exit_code_is_1(swept) -> None:
    assert swept.returncode == 1 and swept.stderr == ""
    table = swept.stdout.partition("\ntextgen")[2]
    assert "failed" in table and "± " in table and "vs best" in table
    assert "job 1 failed: cell: hidden_size must be above 0, not -4" in table
    assert "4 completed, 4 failed" in table
    assert "go on         python train.py -m resume=sweep" in table
    assert all(len(line) <= 80 for line in table.partition("\njob ")[0].splitlines())
    assert "must be above 0" in (swept.folder / "1" / "error.txt").read_text()


def test_its_files_tell_every_job_and_the_mean_over_seeds(swept) -> None:
    with (swept.folder / "results.csv").open() as file:
        jobs = list(csv.DictReader(file))
    with (swept.folder / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [job["status"] for job in jobs].count("failed") == 4 == len(jobs) // 2
    assert [int(row["n"]) for row in rows] == [2, 2, 0, 0]  # the best first, those without a value last
    for row in rows[:2]:
        values = [float(job["best"]) for job in jobs if job["cell"] == row["cell"] and job["best"]]
        assert float(row["mean"]) == statistics.fmean(values)
        assert float(row["sd"]) == statistics.stdev(values)
    assert "| " in (swept.folder / "summary.md").read_text()
    assert (swept.folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_is_in_tensorboard_once_however_often_the_sweep_is_concluded(
    swept, tmp_path: Path
) -> None:
    sweep = tmp_path / "copy"
    shutil.copytree(swept.folder, sweep)
    for _ in range(2):
        assert summarise(sweep) == 1
        events = EventAccumulator(str(sweep), size_guidance={IMAGES: 0})
        events.Reload()
        assert [len(events.Images(tag)) for tag in events.Tags()[IMAGES]] == [1]
    assert len(list(sweep.glob("events.out.tfevents.*"))) == 1


def test_the_command_that_goes_on_can_be_pasted() -> None:
    assert resume_command(Path("my sweeps/a")).endswith("python train.py -m resume='my sweeps/a'")


def test_the_command_that_resumes_a_sweep_of_trusted_code_has_the_word(monkeypatch) -> None:
    monkeypatch.setenv("THROUGHTIME_TRUST", "my_cells")
    assert resume_command(Path("a")).endswith("resume=a trust=my_cells")
