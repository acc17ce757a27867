"""Files that parse but have another shape are told, and never used."""

import json
from pathlib import Path
from typing import Any

import pytest

from throughtime.errors import UserError
from throughtime.run.recorded_files import RESULTS, read_object, read_overrides, read_results

GOOD: dict[str, Any] = {
    "status": "completed",
    "task": "x",
    "seed": 1,
    "overrides": ["cell=gru"],
    "monitor": "val/loss",
    "mode": "min",
    "best": None,
    "metrics": {"val/loss": 1.5},
    "parameters": 10,
    "steps": 5,
    "seconds": 1.0,
}
SHAPES = ["[]", "5", "null", '"x"', "", "{", "[" * 100_000, b"\xff\xfe\x00"]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", SHAPES)
@pytest.mark.parametrize("read", [read_object, read_results])
def test_another_shape_is_one_sentence_with_the_file(read: Any, content: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.json is damaged"):
        read(write(tmp_path / "a.json", content))


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_results(write(tmp_path / "a.json", json.dumps(GOOD))) == GOOD


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("value", [[], {"a": []}, True, None])
def test_a_field_of_another_kind_is_told_by_its_name(name: str, value: Any, tmp_path: Path) -> None:
    if (name, value) in (("best", None), ("overrides", [])):
        return
    with pytest.raises(UserError, match=f"{name} is of the wrong kind|no number"):
        read_results(write(tmp_path / "a.json", json.dumps(GOOD | {name: value})))
    rest = {key: one for key, one in GOOD.items() if key != name}
    with pytest.raises(UserError, match=f"it lacks {name}"):
        read_results(write(tmp_path / "a.json", json.dumps(rest)))


@pytest.mark.parametrize(
    "content", ["{a: 1}", "5", "[[1]]", "[", b"\xff\xfe", "!!python/object:os.system []"]
)
def test_overrides_of_another_shape_are_told(content: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"overrides\.yaml is damaged"):
        read_overrides(write(tmp_path / "overrides.yaml", content))


def test_overrides_that_are_missing_are_none(tmp_path: Path) -> None:
    assert read_overrides(tmp_path / "overrides.yaml") == []
    assert read_overrides(write(tmp_path / "overrides.yaml", "- cell=gru\n- seed=1\n")) == [
        "cell=gru",
        "seed=1",
    ]
