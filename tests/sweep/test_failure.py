"""A job that failed before it had a run is a run folder all the same, which every table can show."""

from pathlib import Path

from throughtime.report.record import read
from throughtime.sweep.failure import record_failure
from throughtime.sweep.job import FAILED, Job, outcome_of


def test_it_is_read_like_any_run(tmp_path: Path) -> None:
    task = {"_target_": "throughtime.task.tagging.Tagging", "monitor": "val/f1"}
    job = Job(
        0,
        ["task=tagging", "seed=7"],
        {"seed": 7, "resume": None, "task": task},
        {"cell": "gru", "hydra/x": "y"},
    )
    job.write(tmp_path)
    record_failure(job, tmp_path / "0", "one sentence")
    record = read(tmp_path / "0")
    assert (record.status, record.task, record.seed, record.error) == (FAILED, "tagging", 7, "one sentence")
    assert (record.monitor, record.mode, record.choices) == ("val/f1", "max", {"cell": "gru"})
    assert outcome_of(job, tmp_path).mistake


def test_a_class_that_may_not_be_built_is_no_obstacle(tmp_path: Path) -> None:
    job = Job(0, [], {"seed": 1, "task": {"_target_": "os.system"}}, {"task": "textgen"})
    job.write(tmp_path)
    record_failure(job, tmp_path / "0", "no")
    assert (read(tmp_path / "0").task, read(tmp_path / "0").monitor) == ("textgen", "")
