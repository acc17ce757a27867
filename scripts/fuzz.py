"""Fuzz of settings, damaged files and shapes: `python scripts/fuzz.py --cases 2000 --seed 1`.

Each case runs in a forked process, in a sandbox of its own. A case fails if it ends in a traceback, with an exit code
that is not documented, by a signal, after 60 seconds, with a file changed outside the folder of its run, or with more
memory than its limit. The seed and the number of a case say all that it does.
"""

import argparse
import os
import sys

SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


def main() -> int:
    """Run the cases and print the failures and a table; returns the exit code, 1 where a case failed."""
    parser = argparse.ArgumentParser(description="Fuzz of settings, damaged files and shapes.")
    parser.add_argument("--seed", type=int, default=1, help="of all cases (default 1)")
    parser.add_argument("--cases", type=int, default=2000, help="how many (default 2000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case (default 0)")
    parser.add_argument("--seconds", type=float, help="start no further case after so many seconds of cases")
    parser.add_argument("--only", metavar="KIND", help="only cases of this kind, such as settings or shapes")
    parser.add_argument(
        "--case",
        type=int,
        nargs="+",
        metavar="NUMBER",
        help="repeat these cases, and keep the files of the last",
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each case")
    options = parser.parse_args()
    os.environ.update(SINGLE_THREADED)  # before torch is imported: a parent with threads must not fork
    from fuzzing.run import KINDS, fuzz

    if options.only is not None and options.only not in KINDS:
        parser.error(f"there is no kind {options.only}; choose among {', '.join(KINDS)}")
    return fuzz(options)


if __name__ == "__main__":
    sys.exit(main())
