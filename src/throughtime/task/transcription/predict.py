"""Transcribe files: the options and the work of `scripts/predict.py`."""

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import IO, Any

from throughtime.data.encoding import check_encoding
from throughtime.data.labelled.sequences import SequenceSet
from throughtime.data.labelled.sources import source_from_state
from throughtime.data.labelled.tables import read_text
from throughtime.decode.language_model import LanguageModel
from throughtime.decode.ngram import UNITS, read_ngram
from throughtime.decode.prefix_beam import PrefixBeam
from throughtime.errors import UserError, printable
from throughtime.files import output_file
from throughtime.task.transcription.fusion import TextModel
from throughtime.task.transcription.task import Transcription

FEW = 4
"""Features that a message names."""

HEADER = ("name", "text", "log_probability", "times")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/predict.py`."""
    parser.add_argument(
        "input", type=Path, nargs="+", metavar="FILES", help="files of the kind that the model was trained on"
    )
    parser.add_argument("--output", type=Path, help="a CSV file to write (default: the terminal)")
    parser.add_argument(
        "--beam", type=int, default=None, help="prefixes of a beam search (default: greedy, with --lm 16)"
    )
    parser.add_argument(
        "--lm",
        type=Path,
        help="a language model for the beam search: an ARPA file, a text whose n-grams are counted, or the folder or "
        "checkpoint of a run of text generation",
    )
    parser.add_argument("--lm-weight", type=float, default=0.5, help="of the language model (default: 0.5)")
    parser.add_argument(
        "--lm-unit", choices=UNITS, help="of n-grams (default: characters, or what the ARPA file has)"
    )
    parser.add_argument("--lm-order", type=int, default=5, help="n of the n-grams of a text (default: 5)")
    parser.add_argument(
        "--insertion",
        type=float,
        default=0.0,
        help="nats that every symbol of a beam search adds (default: 0)",
    )
    parser.add_argument("--encoding", default="utf-8", help="of the text of --lm (default: utf-8)")
    parser.add_argument(
        "--stream",
        action="store_true",
        help="print each symbol as soon as it is known (causal models, greedy)",
    )


def predict(task: Transcription, options: argparse.Namespace) -> None:
    """Write a CSV table with the transcript of each sequence in some files, and the time of each symbol.

    Args:
        task: trained, in evaluation mode.
        options: of `add_options`; `load_task` loads another trained task.

    Raises:
        UserError: a file cannot be read as the training data were; of streams, that the model is bidirectional.
    """
    beam = _beam(task, options)
    found = source_from_state(task.artifacts["source"]).read_for_prediction(options.input)
    found.check()
    if list(found.channels) != task.artifacts["channels"]:
        raise UserError(
            f"{found.description} has other features a step ({', '.join(found.channels[:FEW])}, …) than the model was "
            f"trained on ({', '.join(task.artifacts['channels'][:FEW])}, …); give files of the same kind"
        )
    if options.stream:
        if beam is not None or options.output is not None:
            raise UserError("--stream prints the greedy transcript; leave --beam, --lm and --output out")
        _stream(task, found)
        return
    if options.output is None:
        _write(task, found, beam, sys.stdout)
        return
    text = io.StringIO()
    _write(task, found, beam, text)
    with output_file(options.output) as file:
        file.write(text.getvalue().encode())


def _write(task: Transcription, found: SequenceSet, beam: PrefixBeam | None, file: IO[str] | Any) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(HEADER)
    for name, own in zip(found.names, task.log_probabilities(found.sequences), strict=True):
        one = task.transcript(own, beam)
        times = " ".join(f"{task.time_of(span.peak):.2f}" for span in one.spans)
        table.writerow([name, one.text, f"{one.log_probability:.4f}", times])


def _stream(task: Transcription, found: SequenceSet) -> None:
    for name, sequence in zip(found.names, found.sequences, strict=True):
        print(f"{name}: ", end="", flush=True)
        for symbol, _ in task.stream(sequence):
            print(printable(symbol), end="", flush=True)
        print(flush=True)


def _beam(task: Transcription, options: argparse.Namespace) -> PrefixBeam | None:
    """The beam search that the options ask for; None for greedy decoding."""
    width = options.beam if options.beam is not None else (16 if options.lm is not None else None)
    if width is None:
        return None
    if width < 1:
        raise UserError(f"--beam {width} must be at least 1")
    model = None if options.lm is None else _language_model(task, options)
    return PrefixBeam(width, model, task.symbols, options.lm_weight, options.insertion)


def _language_model(task: Transcription, options: argparse.Namespace) -> LanguageModel:
    place: Path = options.lm
    if place.is_dir() or place.suffix == ".ckpt":
        return TextModel(options.load_task(place), task.symbols, str(place))
    check_encoding(options.encoding, "--encoding")
    if not place.is_file():
        raise UserError(
            f"--lm {place} does not exist; name an ARPA file, a text, or a run of text generation"
        )
    return read_ngram(place, read_text(place, options.encoding), options.lm_unit, options.lm_order)
