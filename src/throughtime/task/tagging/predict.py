"""Tag a file: the options and the work of `scripts/predict.py`."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from throughtime.data.batch import Batch
from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.conllu import ConllU
from throughtime.data.tagged.entity_schemes import OUTSIDE, convert, recognise_like, split_tag
from throughtime.data.tagged.format_detection import FORMAT_NAMES, named_format, recognise_format
from throughtime.data.tagged.line_ends import written_like
from throughtime.data.tagged.sentence_batches import SentenceBatches
from throughtime.data.tagged.sentences import (
    LONGEST_SENTENCE,
    Format,
    Sentence,
    SentenceTags,
    cut_sentence,
    document_at,
)
from throughtime.data.tagged.tag_notation import is_entity_tag
from throughtime.data.text.source import Document
from throughtime.errors import UserError
from throughtime.files import output_file
from throughtime.task.tagging.task import Tagging

_BATCH_SIZE = 64
"""Sentences of a batch."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/predict.py`."""
    parser.add_argument(
        "input", type=Path, help="the file to tag: plain text, CoNLL, CoNLL-U, ...; of frames a table"
    )
    parser.add_argument("--output", type=Path, help="where to write (default: the terminal)")
    parser.add_argument("--probabilities", action="store_true", help="write each tag's probability beside it")
    parser.add_argument(
        "--format", choices=sorted(FORMAT_NAMES), help="of the input (default: guessed from its first lines)"
    )
    parser.add_argument("--encoding", default="utf-8", help="of the input (default utf-8)")


def predict(
    task: Tagging,
    source: Path,
    output: Path | None = None,
    probabilities: bool = False,
    encoding: str = "utf-8",
    format_name: str | None = None,
) -> None:
    """Write `source` with the tags that `task` gives, in the format that it has.

    Tags of entities are written in the scheme that the file has, or, where it has no tags, in that of the training
    data. Line ends and a byte order mark are those of the file.

    Args:
        task: trained, in evaluation mode.
        source: the file.
        output: where to write; None for the standard output.
        probabilities: whether each tag is followed by its probability.
        encoding: the file's encoding.
        format_name: the file's format (`FORMAT_NAMES`); None to guess it, with a message on the standard error.

    Raises:
        UserError: the file cannot be read, is empty, or a line of it is malformed.
    """
    document = document_at(source, encoding)
    if not any(piece.text.strip() for piece in document.pieces()):
        raise UserError(f"{source} is empty; name a file with some text to tag")
    is_tag = tag_test(task)
    if format_name is None:
        format = recognise_format(document, task.units.format, is_tag)
        names = ", ".join(sorted(FORMAT_NAMES))
        print(f"{source} is read as {_describe(format, document)} (--format: {names})", file=sys.stderr)
    else:
        format = named_format(format_name, document, task.units.format, is_tag)
    sentences = format.read(document, tagged=False)
    longest = max((len(sentence.tokens) for sentence in sentences), default=0)
    if longest > LONGEST_SENTENCE:
        print(
            f"{source} has a sentence of {longest:,} tokens; the model reads {LONGEST_SENTENCE:,} at a time "
            "(an empty line ends a sentence)",
            file=sys.stderr,
        )
    text, encoded = written_like(format.write(sentences, tag(task, sentences, probabilities)), document)
    if output is None:
        sys.stdout.write(text)
    else:
        with output_file(output) as file:
            file.write(encoded)


def tag_test(task: Tagging) -> Callable[[str], bool]:
    """A function that tells whether a text is a tag of the model, or one of its entities in another scheme."""
    tags = set(task.units.lexicon.tags)
    kinds = {split_tag(tag)[1] for tag in tags - {OUTSIDE}} if task.scheme else set()

    def is_tag(text: str) -> bool:
        letter, kind = split_tag(text)
        if text in tags or (letter != OUTSIDE and kind in kinds):
            return True
        return task.scheme is not None and is_entity_tag(text, kinds)

    return is_tag


def _describe(format: Format, document: Document) -> str:
    """A format in words, for the message that says how a file is read."""
    if isinstance(format, Conll):
        return format.describe(document)
    if isinstance(format, ConllU):
        return f"CoNLL-U with tags in {format.field}"
    return next(name for name, kind in FORMAT_NAMES.items() if type(format) is kind)


def tag(task: Tagging, sentences: Sequence[Sentence], probabilities: bool = False) -> list[SentenceTags]:
    """The predicted tags of some sentences, in their order; none for a sentence without tokens."""
    pieces = [(number, piece) for number, one in enumerate(sentences) for piece in cut_sentence(one)]
    tagged = [SentenceTags((), () if probabilities else None)] * len(pieces)
    batches = SentenceBatches([piece for _, piece in pieces], task.units.lexicon, _BATCH_SIZE, shuffle=False)
    for lanes in batches.buckets:
        for lane, found in zip(lanes, _predictions(task, batches.batch(lanes), probabilities), strict=True):
            tagged[batches.numbers[lane]] = found
    scheme = task.scheme and recognise_like((sentence.tags for sentence in sentences), task.scheme)
    whole: list[list[SentenceTags]] = [[] for _ in sentences]
    for (number, _), found in zip(pieces, tagged, strict=True):
        whole[number].append(found)
    return [_joined(parts, scheme) for parts in whole]


def _joined(parts: list[SentenceTags], scheme: str | None) -> SentenceTags:
    """The tags of a sentence's pieces, in the scheme of its file."""
    tags = tuple(tag for part in parts for tag in part.tags)
    chances = None
    if parts[0].probabilities is not None:
        chances = tuple(chance for part in parts for chance in part.probabilities or ())
    return SentenceTags(convert(tags, scheme) if scheme else tags, chances)


def _predictions(task: Tagging, batch: Batch, probabilities: bool) -> Iterator[SentenceTags]:
    """Yield the tags of each lane, and their probabilities where asked for."""
    with torch.inference_mode():
        batch = task.transfer_batch_to_device(batch, task.device, 0)
        mask = batch.target_mask()
        features, _ = task.model(batch.inputs, task.model.initial_state(mask.shape[1]), batch.lengths)
        predicted = task.predictions(features, mask)
        chances = None
        if probabilities:
            chances = task.probabilities(features, mask).gather(-1, predicted[..., None])[..., 0]
    for lane, length in enumerate(batch.lengths.tolist()):
        tags = tuple(task.units.lexicon.tags[number] for number in predicted[:length, lane].tolist())
        yield SentenceTags(tags, None if chances is None else tuple(chances[:length, lane].tolist()))
