"""Measure speed as ratios, in turns and in one process: `python scripts/benchmark.py training`.

Machines are noisy, so what is compared runs in alternation, and the median is told with the whole spread.
"""

import argparse
import json
import platform
from pathlib import Path

from throughtime.errors import UserError
from throughtime.run.command_line import run_script

KINDS = {
    "training": "a whole run of train.py against a bare PyTorch loop",
    "generation": "characters a second for one lane against torch.nn.LSTM in a loop",
}


def main() -> None:
    """Run one benchmark, print its table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description="Measure speed as ratios, in turns and in one process.")
    parser.add_argument(
        "kind", choices=KINDS, help="; ".join(f"{name}: {what}" for name, what in KINDS.items())
    )
    parser.add_argument("overrides", nargs="*", help="settings of the run that is measured, as for train.py")
    parser.add_argument("--rounds", type=int, default=7, help="how many turns each side gets (default 7)")
    parser.add_argument(
        "--steps", type=int, default=60, help="optimiser steps, or for generation characters, a turn"
    )
    parser.add_argument("--threads", type=int, help="threads of torch (default: its own choice)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_intermixed_args()
    if options.rounds < 1 or options.steps < 2:
        raise UserError("--rounds must be at least 1 and --steps at least 2")

    import torch
    from benchmarks import generation, training

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    measure = {"training": training.measure, "generation": generation.measure}[options.kind]
    figures = measure(options.overrides, options.rounds, options.steps)
    figures["machine"] = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    for name, value in figures.items():
        print(f"{name:<28} {value if isinstance(value, str) else round(value, 3)}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    run_script(main)
