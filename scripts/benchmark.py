"""Benchmarks of speed and memory as ratios: `python scripts/benchmark.py cells`.

Machines are noisy, so both sides of a comparison are interleaved in one process, and medians are reported with the
worst case.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from throughtime.cli.command_line import run_script
from throughtime.errors import UserError
from throughtime.files import output_file

CELLS = "forward and backward of cells by engines, against torch.nn and the plain loop"
SCALING = "time of a cell over T, B and H, fused against torch.nn, as a table and log-log figures"
COMPILED = (
    "fused against torch.compile: the step in a loop, the whole loop, torch's scan; with seconds to compile"
)
PRODUCTS = "matrix products of the cells' shapes by the compiler against torch's, and the share of the peak"
ROOFLINE = "what bounds the time of a cell: its products, its memory, or a call; by peaks that are measured"
RANKS = "weak and strong scaling of data-parallel training: two processes measured, many by a model"
SHOW = "the C that engine=fused generates for a cell"
RUNS = {
    "training": "a whole run of train.py against a bare PyTorch loop, or against other settings",
    "generation": "characters a second for 1 lane and for 64 against torch.nn.LSTM in a loop",
    "memory": "peak memory with engine.recompute=true against without, and of a long run against a short one",
}
KINDS = ("torch", "loop", "bptt", "lstm", "scan", "bf16", "auto", "compile")
QUICK_CELLS = "elman,gru,lstm,layernorm_lstm,lem"


def parse_arguments(words: list[str]) -> argparse.Namespace:
    """Parse a kind of benchmark and its options."""
    top = argparse.ArgumentParser(
        description="Measure speed and memory as ratios, interleaved in one process.",
        epilog="`benchmark.py KIND --help` lists the options of a kind.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = {
        "cells": CELLS,
        "scaling": SCALING,
        "compiled": COMPILED,
        "products": PRODUCTS,
        "roofline": ROOFLINE,
        "ranks": RANKS,
        "show": SHOW,
        **RUNS,
    }
    about = "; ".join(f"{name}: {what}" for name, what in kinds.items())
    top.add_argument("kind", choices=kinds, metavar="KIND", help=about)
    kind = top.parse_args(words[:1]).kind
    parser = argparse.ArgumentParser(f"{top.prog} {kind}", description=kinds[kind].capitalize() + ".")
    adding = {
        "cells": _add_cells,
        "scaling": _add_scaling,
        "compiled": _add_compiled,
        "products": _add_products,
        "roofline": _add_roofline,
        "ranks": _add_ranks,
        "show": _add_show,
        "training": _add_training,
        "generation": _add_generation,
    }
    adding.get(kind, _add_run)(parser)
    # Intermixed: settings may follow options.
    return parser.parse_intermixed_args(words[1:], argparse.Namespace(kind=kind))


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="settings of the measured run, as for train.py")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument(
        "--steps", type=int, default=60, help="optimiser steps, or for generation characters, a round"
    )
    parser.add_argument("--threads", type=int, help="threads of torch (default: its own choice)")
    parser.add_argument("--json", type=Path, help="write the results to this file")


def _add_training(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        help="other settings, such as engine=torch, instead of a bare loop",
    )


def _add_generation(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    # By default as many as make it worthwhile to compile the step.
    parser.set_defaults(steps=None)


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="cell=NAME or cell=FILE.py:CLASS, cell.hidden_size=64 …")
    parser.add_argument("--all", action="store_true", help="the whole file rather than the cell's functions")


def _add_cells(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kinds", nargs="*", metavar="COMPARISON", help=f"of {', '.join(KINDS)} (default: all of them)"
    )
    parser.add_argument("--cells", help="names of conf/cell or FILE.py:CLASS, with commas (default: all)")
    parser.add_argument(
        "--threads", default="", help="threads of torch, such as 1,2 (default: its own choice)"
    )
    parser.add_argument("--minutes", type=float, help="time limit for all shapes together (default 10)")
    parser.add_argument("--quick", action="store_true", help="four small shapes of a few cells, in a minute")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    parser.add_argument("--figure", type=Path, help="draw the ratios into this PNG")


def _add_scaling(parser: argparse.ArgumentParser) -> None:
    _add_series(parser, minutes=8.0)
    parser.add_argument("--threads", default="1,2", help="threads of torch (default 1,2)")
    parser.add_argument("--figure", type=Path, help="draw the times into this PNG, both axes logarithmic")


def _add_compiled(parser: argparse.ArgumentParser) -> None:
    _add_series(parser, minutes=8.0)
    parser.add_argument("--threads", default="", help="threads of torch (default: its own choice)")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one of them (default 120)")


def _add_series(parser: argparse.ArgumentParser, minutes: float) -> None:
    parser.add_argument("--cells", default="lstm", help="names of conf/cell, with commas (default lstm)")
    parser.add_argument(
        "--minutes", type=float, default=minutes, help=f"time limit of all (default {minutes:g})"
    )
    parser.add_argument("--quick", action="store_true", help="a few small shapes only")
    parser.add_argument("--json", type=Path, help="write all results to this file")


def _add_products(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", default="1,2", help="threads of torch (default 1,2)")
    parser.add_argument("--quick", action="store_true", help="a few small products only")
    parser.add_argument("--json", type=Path, help="write all results to this file")


def _add_roofline(parser: argparse.ArgumentParser) -> None:
    _add_products(parser)
    parser.add_argument("--cells", default="elman,gru,lstm", help="names of conf/cell, with commas")


def _add_ranks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="settings of the measured models, as for train.py")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default 5)")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    own = parser.add_argument_group("the model with numbers of your own, without a measurement")
    own.add_argument("--latency", type=float, help="seconds a message")
    own.add_argument("--bandwidth", type=float, help="bytes a second")
    own.add_argument("--step-seconds", type=float, help="seconds of a training step on one rank")
    own.add_argument("--parameters", type=int, help="of the model")
    own.add_argument(
        "--fixed-seconds",
        type=float,
        default=0.0,
        help="the part that fewer lanes do not shorten (default 0)",
    )
    own.add_argument("--lanes", type=int, default=64, help="of a training step on one rank (default 64)")
    own.add_argument("--algorithm", choices=("ring", "halving-doubling"), default="ring")


def main() -> None:
    """Run one benchmark, print its table, and write it as JSON where asked."""
    options = parse_arguments(sys.argv[1:])
    runs = {
        "cells": compare_cells,
        "scaling": measure_scaling,
        "compiled": compare_compiled,
        "products": measure_products,
        "roofline": measure_roofline,
        "ranks": measure_ranks,
        "show": show,
    }
    runs.get(options.kind, measure_run)(options)


def show(options: argparse.Namespace) -> None:
    """Print the C of a cell."""
    print(import_module("benchmarks.show").source(options.overrides, options.all))


def measure_run(options: argparse.Namespace) -> None:
    """Measure a whole run and print the results."""
    if options.rounds < 1 or (options.steps is not None and options.steps < 2):
        raise UserError("--rounds must be at least 1 and --steps at least 2")
    import torch
    from benchmarks.machine import describe, provenance

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    more = {"against": options.against} if options.kind == "training" else {}
    measure = import_module(f"benchmarks.{options.kind}").measure
    figures = measure(options.overrides, options.rounds, options.steps, **more)
    figures["threads"] = torch.get_num_threads()
    for name, value in figures.items():
        print(f"{name:<28} {value if isinstance(value, str) else round(value, 3)}")
    print(describe(provenance()))
    _write(options.json, figures | provenance())


def measure_scaling(options: argparse.Namespace) -> None:
    """Measure cells along T, B and H; print a table and draw figures."""
    _check_minutes(options.minutes)
    threads = _thread_counts(options.threads)
    from benchmarks import scaling

    found = scaling.measure(options.cells.split(","), threads, options.minutes, options.quick, _log)
    print(scaling.table(found))
    _write(options.json, found)
    if options.figure is not None:
        options.figure.parent.mkdir(parents=True, exist_ok=True)
        scaling.figure(found, options.figure)


def compare_compiled(options: argparse.Namespace) -> None:
    """Measure cells against torch.compile and print a table."""
    _check_minutes(options.minutes)
    import torch
    from benchmarks import torch_compile

    if options.threads:
        torch.set_num_threads(_thread_count(options.threads))
    found = torch_compile.measure(
        options.cells.split(","), options.minutes, options.limit, options.quick, _log
    )
    print(torch_compile.table(found))
    _write(options.json, found)


def measure_products(options: argparse.Namespace) -> None:
    """Measure matrix products and print a table."""
    from benchmarks import products

    found = products.measure(_thread_counts(options.threads), options.quick, _log)
    print(products.table(found))
    _write(options.json, found)


def measure_roofline(options: argparse.Namespace) -> None:
    """Measure cells beside their lower bounds and print a table."""
    from benchmarks import roofline

    threads = _thread_counts(options.threads)
    found = roofline.measure(options.cells.split(","), threads, options.quick, _log)
    print(roofline.table(found))
    _write(options.json, found)


def measure_ranks(options: argparse.Namespace) -> None:
    """Measure two processes, or take the user's numbers, and print what many ranks would give."""
    own = {
        "--latency": options.latency,
        "--bandwidth": options.bandwidth,
        "--step-seconds": options.step_seconds,
        "--parameters": options.parameters,
    }
    missing = [name for name, value in own.items() if value is None]
    if 0 < len(missing) < len(own):
        raise UserError(
            f"{', '.join(missing)} are missing; a model of your own numbers needs {', '.join(own)}"
        )
    positive = {**own, "--lanes": options.lanes, "--rounds": options.rounds}
    for name, value in positive.items():
        if value is not None and not (value > 0 or (name == "--latency" and value == 0)):
            raise UserError(f"{name} must be above 0, not {value}")
    if options.step_seconds is not None and not 0 <= options.fixed_seconds <= options.step_seconds:
        raise UserError(
            f"--fixed-seconds={options.fixed_seconds} is a part of --step-seconds={options.step_seconds}"
        )
    from benchmarks import ranks
    from benchmarks.all_reduce import Network, Step
    from benchmarks.machine import describe

    if missing:
        found = ranks.measure(options.overrides, options.rounds, _log)
    else:
        per_lane = (options.step_seconds - options.fixed_seconds) / options.lanes
        step = Step(options.parameters, options.lanes, options.fixed_seconds, per_lane)
        found = ranks.predict(step, Network(options.latency, options.bandwidth, options.algorithm))
    print(ranks.table(found))
    if missing:
        print(describe(found))
    _write(options.json, found)


def _check_minutes(minutes: float) -> None:
    if not minutes > 0:
        raise UserError(f"--minutes must be above 0, not {minutes}")


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def compare_cells(options: argparse.Namespace) -> None:
    """Measure cells and print a table."""
    for kind in options.kinds:
        if kind not in KINDS:
            raise UserError(f"there is no comparison {kind}; choose among {', '.join(KINDS)}")
    threads = _thread_counts(options.threads)
    minutes = (1 if options.quick else 10) if options.minutes is None else options.minutes
    _check_minutes(minutes)
    import torch
    from benchmarks.cells import measure
    from benchmarks.table import table
    from benchmarks.variants import cell_names

    chosen = options.cells or (QUICK_CELLS if options.quick else ",".join(cell_names()))
    found = measure(
        kinds=options.kinds or list(KINDS),
        cells=chosen.split(","),
        threads=threads or [torch.get_num_threads()],
        minutes=minutes,
        quick=options.quick,
        log=_log,
    )
    print(table(found))
    _write(options.json, found)
    if options.figure is not None:
        options.figure.parent.mkdir(parents=True, exist_ok=True)
        import_module("benchmarks.figure").figure(found, options.figure)


def _thread_counts(text: str) -> list[int]:
    return [_thread_count(number) for number in text.split(",") if number]


def _thread_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--threads takes whole numbers such as 1,2, not {text}")
    return int(text)


def _write(path: Path | None, figures: dict[str, Any]) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with output_file(path) as file:
            file.write((json.dumps(figures, indent=2) + "\n").encode())


if __name__ == "__main__":
    run_script(main)
