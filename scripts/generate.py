"""Write text with a trained model: `python scripts/generate.py RUN --prompt "def " --length 500 --temperature 0.8`."""

import argparse
import secrets
import sys

from throughtime.cli.command_line import add_weights, run_script
from throughtime.errors import UserError


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description="Write text with a trained model.")
    parser.add_argument("run", help="the folder of a run, or a checkpoint")
    parser.add_argument("--prompt", default="", help="what the text begins with")
    parser.add_argument("--length", type=int, default=500, help="symbols to write (default 500)")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="below 1 bolder, above 1 more varied; 0 is greedy"
    )
    parser.add_argument("--top-k", type=int, help="draw from the k most probable symbols only")
    parser.add_argument("--top-p", type=float, help="draw from the most probable symbols of this mass only")
    parser.add_argument("--beam", type=int, help="beam search of this width instead of sampling")
    parser.add_argument("--samples", type=int, default=1, help="texts to write (default 1)")
    parser.add_argument(
        "--seed", type=int, help="the same seed gives the same text; without one, another text each time"
    )
    add_weights(parser)
    parser.add_argument("--interactive", action="store_true", help="ask for prompts until an empty line")
    return parser


def main() -> None:
    """Load the model, then write for one prompt, or for every prompt that is typed."""
    options = arguments().parse_args()
    from throughtime.inference.generate import Writer  # only now: this imports torch

    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    sampling = (options.temperature, options.top_k, options.top_p, options.beam)
    writer = Writer(options.run, *sampling, seed, options.weights)
    if not options.interactive:
        writer.show(options.prompt, options.length, options.samples, sys.stdout)
        return
    while prompt := _ask():
        try:
            writer.show(prompt, options.length, options.samples, sys.stdout)
        except UserError as error:  # a prompt that is refused is no reason to leave
            print(f"error: {error}", file=sys.stderr)


def _ask() -> str:
    try:
        return input("> ")
    except EOFError:
        return ""


if __name__ == "__main__":
    run_script(main)
