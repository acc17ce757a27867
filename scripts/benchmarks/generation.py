"""Characters a second for one lane: sampling as scripts/generate.py does it, against torch.nn.LSTM in a loop."""

import time
from typing import Any

import torch
from torch import nn

from benchmarks.setup import prepared
from benchmarks.turns import compare
from throughtime.decode.sampling import Sampling
from throughtime.run.build import build_task
from throughtime.run.job import quiet


def measure(overrides: list[str], rounds: int, steps: int) -> dict[str, Any]:
    """Sampled characters a second, untrained weights (their values cost no time)."""
    quiet()
    config, _, artifacts = prepared(overrides)
    task = build_task(config, artifacts).eval()
    size, hidden, depth = (
        config["model"]["front"]["size"],
        config["cell"]["hidden_size"],
        config["model"]["layers"]["depth"],
    )
    symbols = artifacts["input_sizes"]["vocabulary_size"]
    embedding, recurrent, linear = (
        nn.Embedding(symbols, size),
        nn.LSTM(size, hidden, depth),
        nn.Linear(hidden, symbols),
    )

    def ours() -> float:
        generator = torch.Generator().manual_seed(0)
        start = time.perf_counter()
        for _ in task.write("T", steps, Sampling(), generator):
            pass
        return steps / (time.perf_counter() - start)

    @torch.inference_mode()
    def theirs() -> float:
        ids, state = torch.zeros(1, 1, dtype=torch.long), None
        start = time.perf_counter()
        for _ in range(steps):
            outputs, state = recurrent(embedding(ids), state)
            ids = torch.multinomial(linear(outputs[0]).softmax(-1), 1)
        return steps / (time.perf_counter() - start)

    return {"unit": "characters a second, one lane", **compare(ours, theirs, rounds)}
