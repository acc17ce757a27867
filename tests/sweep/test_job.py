"""A job is known by its configuration, whatever order it is written in, and its files tell what came of it."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from throughtime.config.flat_config import flat
from throughtime.errors import UserError
from throughtime.sweep.job import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    WAITING,
    Job,
    config_identity,
    outcome_of,
)

VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text("ab.:1e-", max_size=6)
CONFIGS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdef"), inner),
    max_leaves=8,
)


def turned(value: object) -> object:
    """The same with every mapping written in the opposite order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), CONFIGS))
def test_the_identity_does_not_depend_on_the_order_of_keys_or_on_the_way_through_yaml(config: dict) -> None:
    assert config_identity(config) == config_identity(turned(config))
    assert config_identity(config) == config_identity(
        yaml.safe_load(OmegaConf.to_yaml(OmegaConf.create(config)))
    )


def test_every_key_counts(configuration) -> None:
    config = configuration("task=textgen")
    keys = [key for key in flat(config) if not key.startswith(("resume", "rerun", "sweep"))]
    seen = {config_identity(config)}
    for key in keys:
        changed = OmegaConf.create(config)
        OmegaConf.update(changed, key, "another", force_add=True)
        seen.add(config_identity(OmegaConf.to_container(changed)))
    assert len(seen) == len(keys) + 1


def test_how_a_run_is_started_does_not_count() -> None:
    assert config_identity({"seed": 1, "resume": "runs/x", "sweep": {"fail_fast": True}}) == config_identity(
        {"seed": 1}
    )


def test_a_job_is_read_as_it_was_written(job: Job, tmp_path: Path) -> None:
    job.write(tmp_path)
    assert Job.read(tmp_path / "3") == job


def test_a_plan_that_was_changed_by_hand_is_refused(job: Job, tmp_path: Path) -> None:
    job.write(tmp_path)
    path = tmp_path / "3" / "job.json"
    path.write_text(path.read_text().replace('"size": 8', '"size": 9'))
    with pytest.raises(UserError, match="was changed"):
        Job.read(tmp_path / "3")
    path.write_text("{")
    with pytest.raises(UserError, match="damaged"):
        Job.read(tmp_path / "3")
    with pytest.raises(UserError, match="not the folder of a sweep's job"):
        Job.read(tmp_path)


def leave(job: Job, sweep: Path, results: dict | None, error: str | None = None) -> None:
    folder = job.folder(sweep)
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(job.config | {"resume": None})))
    if results is not None:
        usual = {"status": "running", "best": None, "seconds": 1.5, "steps": 3, "monitor": "val/loss"}
        (folder / "results.json").write_text(json.dumps(usual | results))
    if error is not None:
        (folder / "error.txt").write_text(error)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        (None, INTERRUPTED),
        ({"status": "running"}, INTERRUPTED),
        ({"status": "interrupted"}, INTERRUPTED),
        ({"status": "completed", "best": 0.5}, COMPLETED),
        ({"status": "failed"}, FAILED),
    ],
)
def test_what_the_files_say_is_what_came_of_it(
    results: dict | None, status: str, job: Job, tmp_path: Path
) -> None:
    assert outcome_of(job, tmp_path).status == WAITING
    leave(job, tmp_path, results)
    outcome = outcome_of(job, tmp_path)
    assert (outcome.status, outcome.number, outcome.folder) == (status, 3, tmp_path / "3")
    assert outcome.value == 0.5 if status == COMPLETED else math.isnan(outcome.value)


def test_a_run_of_another_configuration_is_not_the_job(job: Job, tmp_path: Path) -> None:
    leave(job, tmp_path, {"status": "completed", "best": 0.5})
    assert outcome_of(replace(job, config=job.config | {"seed": 4}), tmp_path).status == WAITING


def test_a_mistake_is_told_from_a_fault_and_from_what_happened_while_training(
    job: Job, tmp_path: Path
) -> None:
    for error, steps, mistake in (
        ("seed=x is wrong\n", 0, True),
        ("Traceback\n  File\nValueError: no\n", 0, False),
        ("val/loss was never finite\n", 9, False),
    ):
        leave(job, tmp_path, {"status": "failed", "steps": steps}, error)
        outcome = outcome_of(job, tmp_path)
        assert (outcome.error, outcome.user_error) == (error.splitlines()[-1], mistake)


@pytest.mark.parametrize("field", ["overrides", "choices", "label", "config", "number"])
def test_a_job_whose_fields_are_of_another_kind_is_told(field: str, tmp_path: Path) -> None:
    config = {"task": {}, "data": {}, "trainer": {}, "seed": 1}
    Job(0, ["cell=gru"], config, {"cell": "gru"}).write(tmp_path)
    path = tmp_path / "0" / "job.json"
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {field: 5}))
    with pytest.raises(UserError, match=r"job\.json"):
        Job.read(tmp_path / "0")


@pytest.mark.parametrize("content", ["[]", "5", "{}", "null", "{"])
def test_results_of_another_shape_leave_a_job_interrupted(content: str, tmp_path: Path) -> None:
    config = {"task": {}, "data": {}, "trainer": {}, "seed": 1}
    job = Job(0, [], config, {})
    job.write(tmp_path)
    (tmp_path / "0" / "config.yaml").write_text(json.dumps(config))
    (tmp_path / "0" / "results.json").write_text(content)
    assert outcome_of(job, tmp_path).status == "interrupted"
