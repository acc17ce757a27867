"""A job that failed before it had a run leaves the folder of a run all the same, so that every table shows it."""

from pathlib import Path

from omegaconf import OmegaConf

from throughtime.config.registry import locate
from throughtime.errors import UserError
from throughtime.files import atomic_write
from throughtime.run.folder import RunFolder
from throughtime.run.results import Results
from throughtime.sweep.job import FAILED, Job


def record_failure(job: Job, folder: Path, told: str) -> None:
    """Write config.yaml, overrides.yaml, results.json and error.txt of a job that failed outside its training.

    What the job had come to before (the best value, its steps) stays in results.json; checkpoints are not touched.

    Args:
        told: what error.txt is to hold: the sentence of a mistake, or a traceback.
    """
    run = RunFolder(folder)
    choices = {group: option for group, option in job.choices.items() if option and "hydra" not in group}
    task, monitor, mode = _task(job)
    results = Results(task, job.config["seed"], job.overrides, monitor, mode, choices, status=FAILED)
    results.go_on_from(run)
    for path, content in ((run.config, job.config), (run.overrides, job.overrides)):
        with atomic_write(path) as file:
            file.write(OmegaConf.to_yaml(OmegaConf.create(content)).encode())
    with atomic_write(run.error) as file:
        file.write(f"{told.rstrip()}\n".encode())
    results.write(run)


def _task(job: Job) -> tuple[str, str, str]:
    """The task's name, its monitored metric and the mode, as far as they are known without having built it."""
    config = job.config.get("task") or {}
    try:
        task = locate(config["_target_"], "task").factory
    except (UserError, KeyError):
        return job.choices.get("task") or "", "", "min"
    return task.name, config.get("monitor") or task.monitor, task.mode
