"""A checkpoint with a missing part, a missing weight or another size is told in a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from throughtime.errors import UserError
from throughtime.inference.load import load
from throughtime.run.checkpoint import read_checkpoint
from throughtime.run.checkpoint_content import (
    OF_A_MODEL,
    OF_TRAINING,
    check_content,
    check_resumable,
    check_weights,
    shape_errors_as_user_errors,
)

PATH = Path("a.ckpt")


@pytest.fixture
def content(trained) -> dict[str, Any]:
    return read_checkpoint(trained.run / "checkpoints" / "last.ckpt")


@pytest.mark.parametrize("found", [[1], 5, None, torch.zeros(3), {}])
def test_what_is_no_mapping_is_no_checkpoint(found: Any) -> None:
    with pytest.raises(UserError, match="not a checkpoint of throughtime"):
        check_content(found, PATH)


@pytest.mark.parametrize("part", [*OF_A_MODEL, *OF_TRAINING])
def test_each_part_must_be_there_and_of_its_kind(part: str, content: dict[str, Any]) -> None:
    check_resumable(content, PATH)
    with pytest.raises(UserError, match="no configuration" if part == "config" else f"no {part}"):
        check_resumable({name: one for name, one in content.items() if name != part}, PATH)
    with pytest.raises(UserError, match=f"its {part} is of the wrong kind"):
        check_resumable(content | {part: "x"}, PATH)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing": (lambda weights: weights.pop("bias"), "it lacks the weight bias"),
    "another size": (lambda weights: weights.update(bias=torch.zeros(9)), r"\[9\], and the model's is \[2\]"),
    "no tensor": (lambda weights: weights.update(bias=5), "its weight bias is no tensor"),
    "unknown": (lambda weights: weights.update(other=torch.zeros(1)), "the model has no weight other"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_weights_are_compared_by_name_and_size(name: str) -> None:
    change, sentence = CHANGES[name]
    model = nn.Linear(3, 2)
    weights = dict(model.state_dict())
    check_weights(weights, model, PATH)
    change(weights)
    with pytest.raises(UserError, match=sentence):
        check_weights(weights, model, PATH)


@pytest.mark.parametrize("part", ["tokenizer", "input_sizes", "output_sizes"])
def test_artifacts_of_another_shape_are_told(part: str, content: dict[str, Any], tmp_path: Path) -> None:
    for artifacts in (
        {**content["artifacts"], part: 5},
        {k: v for k, v in content["artifacts"].items() if k != part},
    ):
        torch.save(content | {"artifacts": artifacts}, tmp_path / "a.ckpt")
        with pytest.raises(UserError, match=r"do not fit each other|^task "):
            load(tmp_path / "a.ckpt")


def test_memory_that_is_short_says_nothing_about_the_checkpoint() -> None:
    with pytest.raises(RuntimeError, match="allocate"), shape_errors_as_user_errors(PATH):
        raise RuntimeError("can't allocate memory")
