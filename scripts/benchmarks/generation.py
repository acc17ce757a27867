"""Speed of sampling in characters a second, as scripts/generate.py samples, against torch.nn.LSTM in a loop."""

import time
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.interleaved import compare_rates
from benchmarks.setup import prepared
from throughtime.decode.sampling import Sampling
from throughtime.run.build import build_task
from throughtime.run.log_filters import filter_logs
from throughtime.task.textgen.task import TextGeneration, break_even_length

LANES = (1, 64)


class SamplingLoop(nn.Module):
    """Embedding, LSTM and linear layer of torch.nn, sampled in a Python loop."""

    def __init__(self, symbols: int, size: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, size)
        self.recurrent = nn.LSTM(size, hidden, depth)
        self.linear = nn.Linear(hidden, symbols)

    @torch.inference_mode()
    def write(self, steps: int, lanes: int) -> None:
        """Sample a number of steps."""
        ids, state = torch.zeros(1, lanes, dtype=torch.long), None
        for _ in range(steps):
            outputs, state = self.recurrent(self.embedding(ids), state)
            ids = torch.multinomial(self.linear(outputs[0]).softmax(-1), 1).view(1, lanes)


def measure(overrides: list[str], rounds: int, steps: int | None) -> dict[str, Any]:
    """Sampled characters a second in one lane and in many, with untrained weights.

    Args:
        overrides: settings of the run.
        rounds: interleaved rounds.
        steps: characters of each lane; by default as many as make it worthwhile to compile the step.
    """
    filter_logs()
    config, _, artifacts = prepared(overrides)
    task = build_task(config, artifacts).eval()
    model = config["model"]
    symbols, hidden = artifacts["input_sizes"]["vocabulary_size"], config["cell"]["hidden_size"]
    loop = SamplingLoop(symbols, model["front"]["size"], hidden, model["layers"]["depth"]).eval()
    found: dict[str, Any] = {"unit": "characters a second"}
    for lanes in LANES:
        count = break_even_length(lanes) if steps is None else steps
        ours, theirs = partial(_ours, task, count, lanes), partial(_theirs, loop, count, lanes)
        rates = compare_rates(ours, theirs, rounds)
        found.update({f"B={lanes}, {name}": value for name, value in rates.items()})
    return found


def _ours(task: TextGeneration, steps: int, lanes: int) -> float:
    generator = torch.Generator().manual_seed(0)
    start = time.perf_counter()
    for _ in task.write("T", steps, Sampling(), generator, lanes):
        pass
    return lanes * steps / (time.perf_counter() - start)


def _theirs(loop: SamplingLoop, steps: int, lanes: int) -> float:
    start = time.perf_counter()
    loop.write(steps, lanes)
    return lanes * steps / (time.perf_counter() - start)
