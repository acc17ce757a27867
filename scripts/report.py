"""Compare runs: `python scripts/report.py runs multirun/… --where cell=gru --sort test/bpc`."""

import argparse
from pathlib import Path

from throughtime.cli.command_line import run_script
from throughtime.errors import UserError
from throughtime.files import output_file
from throughtime.report.record import find


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's options."""
    parser = argparse.ArgumentParser(
        description="Compare runs: a table for each task, a line for each configuration, mean and spread over seeds.",
        epilog="A key may be shortened to its last part (lr) where that is no other key's.",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders with runs, at any depth")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only runs with cell=gru, 'val/loss<1.5', status!=failed …; may be given more than once",
    )
    parser.add_argument(
        "--runs", action="store_true", help="a line for each run instead of each configuration"
    )
    parser.add_argument(
        "--by", default="", metavar="KEYS", help="tell configurations apart by these keys alone"
    )
    parser.add_argument("--sort", metavar="KEY", help="a key or a metric (default: the monitored metric)")
    parser.add_argument("--reverse", action="store_true", help="the greatest first")
    parser.add_argument(
        "--metrics", default="", metavar="NAMES", help="further metrics to show, with commas between"
    )
    parser.add_argument("--diff", nargs=2, metavar="RUN", help="what differs between two runs")
    parser.add_argument("--format", choices=("terminal", "csv", "markdown", "json"), default="terminal")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to a file instead of the terminal")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the curves into a PNG; of one task")
    return parser


def main() -> None:
    """Read the runs and print, write or draw the report."""
    options = arguments().parse_args()
    try:
        run(options)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} cannot be written: there is no such folder") from error
    except PermissionError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from error


def run(options: argparse.Namespace) -> None:
    """Compare two runs, or tabulate all, and print or write the text."""
    if bool(options.paths) == bool(options.diff):
        raise UserError("name the folders to report on (scripts/report.py runs), or two runs with --diff")
    if options.diff:
        from throughtime.report.difference import difference

        text = difference(*options.diff, options.format)
    else:
        text = tables(options)
    if options.output is None:
        print(text, end="")
        return
    with output_file(options.output) as file:
        file.write(text.encode())


def tables(options: argparse.Namespace) -> str:
    """The tables of the selected runs; also draws the figure where one is requested."""
    from throughtime.report.page import report
    from throughtime.report.selection import select_runs

    found = find(options.paths)
    if not found:
        raise UserError(f"there are no runs in {' '.join(map(str, options.paths))}")
    records = select_runs(found, options.where)
    if not records:
        raise UserError(f"none of the {len(found)} runs meets --where {' '.join(options.where)}")
    if options.figure is not None:
        draw(records, options.figure)
    return report(
        records,
        options.format,
        single=options.runs,
        by=split(options.by),
        sort=options.sort,
        reverse=options.reverse,
        metrics=split(options.metrics),
    )


def draw(records: list, path: Path) -> None:
    """The figure of the comparison."""
    from throughtime.report.figure import draw_comparison  # only now: it imports matplotlib

    if draw_comparison(records, path) is None:
        raise UserError(
            "these runs have logged no curve, so there is no figure (logger=tensorboard and logger=csv log them)"
        )


def split(names: str) -> list[str]:
    """The names in a list separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


if __name__ == "__main__":
    run_script(main)
