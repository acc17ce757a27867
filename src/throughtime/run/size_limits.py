"""Limits of the sizes in a configuration: what no machine has is refused before memory is taken.

Limits of counts are far above what is of use. The memory of the weights is computed without allocating them, from the
model on PyTorch's meta device, and that of one batch from its lengths:

    bytes of training = 4 copies × 4 bytes × weights        (weights, gradients, two moments of Adam)
    bytes of a batch  = 4 bytes × B × max(T, S), and where the data say their longest sequence × H
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import torch

from throughtime.data.memory import physical_memory
from throughtime.errors import UserError

LARGEST: dict[str, int] = {
    "model.layers.depth": 1_000,
    "tokenizer.vocabulary_size": 10_000_000,
    "data.vector_words": 100_000_000,
    "callback.samples.length": 1_000_000,
    "callback.samples.count": 10_000,
    "task.paths": 1_000_000,
    "trainer.max_steps": 10**15,
}
"""The largest value of a key."""

BATCHES = ("batch_size", "eval_batch_size")
LENGTHS = ("chunk_length", "look_back", "horizon")

UNSUSPICIOUS = 2_048
"""Sizes up to which the memory of the weights is not computed."""

COPIES, BYTES = 4, 4


def check_sizes(config: Mapping[str, Any]) -> None:
    """Raise `UserError` for a count above its limit, a batch above the memory, or more processes than are of use.

    Args:
        config: the whole configuration, in plain containers.
    """
    for key, largest in LARGEST.items():
        value = _value(config, key)
        if _is_whole(value) and value > largest:
            raise UserError(f"{key}={value} is above its limit of {largest:,}; give a smaller number")
    _check_devices(config["trainer"])
    data, memory = config["data"], physical_memory()
    for batch in BATCHES:
        for length in LENGTHS:
            sizes = data.get(batch), data.get(length)
            if all(_is_whole(size) and size > 0 for size in sizes) and BYTES * sizes[0] * sizes[1] > memory:
                raise UserError(
                    f"data.{batch}={sizes[0]} times data.{length}={sizes[1]} numbers are more than the "
                    f"{_gigabytes(memory)} of memory of this machine; make one of the two smaller"
                )


def check_memory_of_weights(
    build: Callable[[Mapping[str, Any]], torch.nn.Module], config: Mapping[str, Any]
) -> None:
    """Raise `UserError` where training the weights of a model needs more than the memory of this machine.

    Nothing is built where no size of the configuration is large.

    Args:
        build: builds the model of a configuration; it is called with the meta device as the default device.
        config: the whole configuration.
    """
    large = [
        (key, size)
        for part in ("cell", "model", "head", "data", "tokenizer")
        for key, size in _sizes(config.get(part), part)
        if size > UNSUSPICIOUS
    ]
    if not large:
        return
    key, size = max(large, key=lambda pair: pair[1])
    try:
        weights = _count_weights(build, config)
    except UserError:
        raise
    except Exception as error:  # a layer that computes with its weights has none to compute with here
        if "overflow" not in str(error):
            return
        raise UserError(
            f"{key}={size} gives weights of more bytes than can be addressed; make it smaller"
            f"{_fitting_size(build, config, key, size)}"
        ) from error
    needed, memory = COPIES * BYTES * weights, physical_memory()
    if needed > memory:
        raise UserError(
            f"training {weights:,} weights needs {_gigabytes(needed)}, and this machine has {_gigabytes(memory)} of "
            f"memory, as {key}={size}; make the model smaller{_fitting_size(build, config, key, size)}"
        )


def _count_weights(build: Callable[[Mapping[str, Any]], torch.nn.Module], config: Mapping[str, Any]) -> int:
    """The weights of a model, none of which is allocated."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return sum(weight.numel() for weight in build(config).parameters())


def _fitting_size(
    build: Callable[[Mapping[str, Any]], torch.nn.Module], config: Mapping[str, Any], key: str, size: int
) -> str:
    """The largest power of two below a size whose model can be trained here, as a suggestion; empty without one."""
    fitting = 1 << size.bit_length()
    while fitting > 1:
        fitting //= 2
        try:
            weights = _count_weights(build, _with_value(config, key, fitting))
        except Exception:  # a size that this model cannot have, or still too large to be counted
            continue
        if COPIES * BYTES * weights <= physical_memory():
            return f", such as {key}={fitting}"
    return ""


def _with_value(config: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A configuration with another value at a key."""
    name, _, rest = key.partition(".")
    return {**config, name: _with_value(config[name], rest, value) if rest else value}


def check_memory_of_steps(sizes: Mapping[str, int] | None, features: int) -> None:
    """Raise `UserError` where the features of one batch alone need more than the memory of this machine.

    Args:
        sizes: the `steps` and `lanes` of the largest batch; None where the data do not say.
        features: H, of the model's last layer.
    """
    if sizes is None:
        return
    needed, memory = BYTES * sizes["steps"] * sizes["lanes"] * features, physical_memory()
    if needed > memory:
        raise UserError(
            f"{sizes['lanes']} sequences of {sizes['steps']:,} steps with {features} features each need "
            f"{_gigabytes(needed)}, and this machine has {_gigabytes(memory)} of memory; set data.chunk_length, or "
            "smaller data.batch_size and data.eval_batch_size"
        )


def _check_devices(trainer: Mapping[str, Any]) -> None:
    devices, limit = trainer.get("devices"), max(64, os.cpu_count() or 1)
    if _is_whole(devices) and devices > limit:
        raise UserError(
            f"trainer.devices={devices}: each device has a process of its own, and this machine has "
            f"{os.cpu_count()} cores; at most {limit} are started"
        )


def _sizes(config: Any, key: str) -> list[tuple[str, int]]:
    """The whole numbers in a part of the configuration, by their keys."""
    if isinstance(config, Mapping):
        return [pair for name, value in config.items() for pair in _sizes(value, f"{key}.{name}")]
    return [(key, config)] if _is_whole(config) and not key.endswith("seed") else []


def _value(config: Mapping[str, Any], key: str) -> Any:
    found: Any = config
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:,.0f} GiB"
