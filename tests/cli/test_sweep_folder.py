"""A sweep is gone on with as it was typed; only how it is run can be changed."""

import json
from pathlib import Path

import pytest

from throughtime.cli.command_line import resume_arguments
from throughtime.cli.sweep_folder import quoted, read_record
from throughtime.errors import UserError


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    arguments = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "cell=gru,lstm", "seed=1,2"]
    (tmp_path / "sweep.json").write_text(json.dumps({"arguments": arguments, "planned": True}))
    return tmp_path


def test_the_arguments_are_those_of_its_start(sweep: Path) -> None:
    before = read_record(sweep)["arguments"]
    ends = [f"hydra.sweep.dir='{sweep}'", f"resume='{sweep}'"]
    for typed in ([f"resume={sweep}"], ["-m", f"resume={sweep}"]):
        assert resume_arguments(typed) == ["-m", *before, *ends]
    changed = resume_arguments([f"resume={sweep}", "hydra.launcher.n_jobs=4", "sweep.fail_fast=true"])
    kept = [one for one in before if not one.startswith("hydra.launcher.n_jobs")]
    assert changed == ["-m", *kept, "hydra.launcher.n_jobs=4", "sweep.fail_fast=true", *ends]


@pytest.mark.parametrize(
    "typed", ["seed=3", "cell=elman", "trainer.max_steps=9", "~callback.speed", "debug=fast"]
)
def test_what_it_compares_cannot_be_changed(typed: str, sweep: Path) -> None:
    with pytest.raises(UserError, match="a sweep goes on with its own jobs"):
        resume_arguments([f"resume={sweep}", typed])


def test_what_hydra_acts_on_is_not_taken_from_a_record(sweep: Path, capsys) -> None:
    hostile = [
        "hydra.callbacks.x._target_=a.B",
        "hydra.launcher.setup=[touch x]",
        "+cell@hydra.callbacks.x=lstm",
        "trust=os",
        "data.path=${oc.env:HOME}",
    ]
    (sweep / "sweep.json").write_text(json.dumps({"arguments": [*hostile, "seed=1,2"], "planned": True}))
    taken = resume_arguments([f"resume={sweep}"])
    assert taken[:2] == ["-m", "seed=1,2"] and not set(hostile) & set(taken)
    told = capsys.readouterr().err
    assert all(argument in told for argument in hostile)


def test_a_record_that_is_missing_or_damaged_is_one_sentence(sweep: Path) -> None:
    with pytest.raises(UserError, match="is not the folder of a sweep"):
        read_record(sweep / "none")
    (sweep / "sweep.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        read_record(sweep)


def test_a_path_survives_hydras_grammar() -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    for path in ("a b", "it's", "x,y", "${x}", "a=b", "(c)"):
        (parsed,) = OverridesParser.create().parse_overrides([f"key={quoted(path)}"])
        assert parsed.value() == path
