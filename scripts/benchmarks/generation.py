"""Characters a second: sampling as scripts/generate.py does it, against torch.nn.LSTM in a loop."""

import time
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.setup import prepared
from benchmarks.turns import compare
from throughtime.cli.job import quiet
from throughtime.decode.sampling import Sampling
from throughtime.run.build import build_task
from throughtime.task.textgen.task import TextGeneration, break_even_length

LANES = (1, 64)


class Loop(nn.Module):
    """The Python loop that one writes for a model of torch.nn."""

    def __init__(self, symbols: int, size: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, size)
        self.recurrent = nn.LSTM(size, hidden, depth)
        self.linear = nn.Linear(hidden, symbols)

    @torch.inference_mode()
    def write(self, steps: int, lanes: int) -> None:
        """Sample so many steps."""
        ids, state = torch.zeros(1, lanes, dtype=torch.long), None
        for _ in range(steps):
            outputs, state = self.recurrent(self.embedding(ids), state)
            ids = torch.multinomial(self.linear(outputs[0]).softmax(-1), 1).view(1, lanes)


def measure(overrides: list[str], rounds: int, steps: int | None) -> dict[str, Any]:
    """Sampled characters a second in one lane and in many, untrained weights (their values cost no time).

    Without `steps` texts are as long as makes a compiled step worth its while; shorter ones are written without.
    """
    quiet()
    config, _, artifacts = prepared(overrides)
    task = build_task(config, artifacts).eval()
    model = config["model"]
    symbols, hidden = artifacts["input_sizes"]["vocabulary_size"], config["cell"]["hidden_size"]
    loop = Loop(symbols, model["front"]["size"], hidden, model["layers"]["depth"]).eval()
    found: dict[str, Any] = {"unit": "characters a second"}
    for lanes in LANES:
        count = break_even_length(lanes) if steps is None else steps
        ours, theirs = partial(_ours, task, count, lanes), partial(_theirs, loop, count, lanes)
        rates = compare(ours, theirs, rounds)
        found.update({f"B={lanes}, {name}": value for name, value in rates.items()})
    return found


def _ours(task: TextGeneration, steps: int, lanes: int) -> float:
    generator = torch.Generator().manual_seed(0)
    start = time.perf_counter()
    for _ in task.write("T", steps, Sampling(), generator, lanes):
        pass
    return lanes * steps / (time.perf_counter() - start)


def _theirs(loop: Loop, steps: int, lanes: int) -> float:
    start = time.perf_counter()
    loop.write(steps, lanes)
    return lanes * steps / (time.perf_counter() - start)
