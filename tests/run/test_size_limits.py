"""Sizes that no machine has are refused before memory is taken."""

import re
import resource
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from throughtime.errors import UserError
from throughtime.run.size_limits import (
    check_memory_of_steps,
    check_memory_of_weights,
    check_sizes,
    physical_memory,
)

CONFIG = {
    "data": {"batch_size": 8, "eval_batch_size": 8, "chunk_length": 16},
    "trainer": {"devices": 1},
    "model": {"layers": {"depth": 2}},
    "tokenizer": {"vocabulary_size": 2000},
    "callback": {"samples": {"length": 300, "count": 2}},
    "task": {},
}


def changed(key: str, value: object) -> dict:
    config = deepcopy(CONFIG)
    *path, last = key.split(".")
    part = config
    for name in path:
        part = part[name]
    part[last] = value
    return config


@pytest.mark.parametrize(
    "key",
    [
        "model.layers.depth",
        "tokenizer.vocabulary_size",
        "callback.samples.length",
        "callback.samples.count",
        "trainer.devices",
        "data.batch_size",
        "data.eval_batch_size",
        "data.chunk_length",
        "data.look_back",
        "data.horizon",
        "task.paths",
    ],
)
def test_a_size_of_ten_to_the_twelve_is_refused_by_its_name(key: str) -> None:
    check_sizes(CONFIG)
    with pytest.raises(UserError, match=f"{key}=1000000000000"):
        check_sizes(changed(key, 10**12))


def test_parts_that_are_absent_have_no_size() -> None:
    check_sizes({"data": {}, "trainer": {}, "tokenizer": None})


def linear(config: Mapping[str, Any]) -> nn.Module:
    return nn.Linear(config["cell"]["hidden_size"], config["cell"]["hidden_size"])


def test_weights_beyond_the_memory_are_refused_without_taking_any() -> None:
    size = int(physical_memory() ** 0.5)  # 16 bytes for each of size² weights
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=rf"cell.hidden_size={size}; make the model smaller, such") as told:
        check_memory_of_weights(linear, {"cell": {"hidden_size": size}})
    suggested = int(re.search(r"such as cell\.hidden_size=(\d+)$", str(told.value))[1])
    assert 16 * suggested**2 <= physical_memory() < 16 * (2 * suggested) ** 2
    check_memory_of_weights(linear, {"cell": {"hidden_size": suggested}})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_weights_within_the_memory_pass_and_draw_no_random_number() -> None:
    before = torch.get_rng_state()
    check_memory_of_weights(linear, {"cell": {"hidden_size": 3000}})
    assert torch.equal(torch.get_rng_state(), before)


def test_a_small_model_is_not_built_twice() -> None:
    def build() -> nn.Module:
        raise AssertionError("built")

    check_memory_of_weights(build, {"cell": {"hidden_size": 512}})


def test_a_batch_of_sequences_that_no_memory_holds_is_refused():
    check_memory_of_steps(None, 128)
    check_memory_of_steps({"steps": 1000, "lanes": 64}, 128)
    steps = physical_memory() // (4 * 64 * 128) + 1
    with pytest.raises(UserError, match=rf"64 sequences of {steps:,} steps .* set data\.chunk_length"):
        check_memory_of_steps({"steps": steps, "lanes": 64}, 128)
