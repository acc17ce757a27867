"""environment.json tells on what a run was made, so that another person can make it again."""

import json
import subprocess
from pathlib import Path

import torch

from throughtime.run.environment import environment


def test_it_holds_versions_the_commit_the_machine_and_the_data(trained, small_text: Path) -> None:
    content = json.loads((trained.run / "environment.json").read_text())
    assert content["packages"]["torch"] == torch.__version__
    assert content["command"][0].endswith("train.py") and "task=textgen" in content["command"]
    assert content["folder"] == str(trained.home)
    assert content["host"] and content["cores"] >= 1 and content["threads"] == 1
    (source,) = content["data"]["sources"].values()
    assert source["bytes"] == small_text.stat().st_size
    assert len(source["sha256"]) == 64


def test_the_commit_is_that_of_the_checkout() -> None:
    here = Path(__file__).parent
    answer = subprocess.run(
        ["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    state = environment({})["git"]
    assert state is None if answer.returncode else state["commit"] == answer.stdout.strip()


def test_without_git_the_commit_is_unknown(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    content = environment({"sha256": "abc"})
    assert content["git"] is None and content["data"] == {"sha256": "abc"}
    json.dumps(content)
