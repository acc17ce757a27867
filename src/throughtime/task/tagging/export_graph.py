"""The exported graph of a tagger: words or frames in padded sequences to log-probabilities, or to parts of a chain."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.data.word_inputs import WordInputs
from throughtime.head.base import Head
from throughtime.head.crf import CRF
from throughtime.task.export_graph import ExportGraph, Sizes, Standardise
from throughtime.task.tagging.task import Tagging


class SentenceModel(nn.Module):
    """Words in sentences [T, B] of given lengths -> log-probabilities [T, B, K].

    Of a chain of tags (`CRF`) all that Viterbi needs instead: emissions [T, B, K], transitions [K, K], first and last.
    """

    def __init__(self, task: Tagging) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(
        self, words: Tensor, spellings: Tensor, characters: Tensor, word_lengths: Tensor, lengths: Tensor
    ) -> Tensor | tuple[Tensor, ...]:
        unread = torch.zeros_like(words)  # only metrics read it
        inputs = WordInputs(words, spellings, characters, word_lengths, unread.bool(), unread)
        features, _ = self.model(inputs, self.model.initial_state(words.shape[1]), lengths)
        return _tags(self.head, features)


class RecordingModel(nn.Module):
    """Frames [T, B, F] of recordings of given lengths, not yet standardised -> what `SentenceModel` gives."""

    def __init__(self, task: Tagging) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head
        fitted = task.units.standardiser
        self.standardise = Standardise(fitted.kind, fitted.location, fitted.scale)

    def forward(
        self, inputs: Float[Tensor, "T B F"], lengths: Int[Tensor, " B"]
    ) -> Tensor | tuple[Tensor, ...]:
        state = self.model.initial_state(inputs.shape[1])
        features, _ = self.model(self.standardise(inputs, lengths), state, lengths)
        return _tags(self.head, features)


def _tags(head: Head, features: Float[Tensor, "T B H"]) -> Tensor | tuple[Tensor, ...]:
    """The log-probability of every tag; of a chain the emissions, and clones of its other parts."""
    if not isinstance(head, CRF):
        return head.predict(features)
    return head.emissions(features), *(part.clone() for part in (head.transitions, head.first, head.last))


def _outputs(head: Head) -> tuple[str, ...]:
    """The names of what `_tags` gives."""
    return ("emissions", "transitions", "first", "last") if isinstance(head, CRF) else ("log_probabilities",)


def export_graph(task: Tagging) -> ExportGraph:
    """Every tag's log-probability, or the parts of a chain."""
    front = task.model.front
    kinds = len(front.weight), len(task.units.lexicon.characters)

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(sizes["T"])
        steps, lanes, letters, words = (sizes[axis] for axis in "TBCN")

        def draw(least: int, below: int, *shape: int) -> Tensor:
            return torch.randint(least, below, shape, generator=generator)

        lengths = draw(1, steps + 1, lanes)
        lengths[0] = steps
        return (
            draw(0, kinds[0], steps, lanes),
            draw(0, words, steps, lanes),
            draw(1, max(kinds[1], 2), letters, words),
            draw(1, letters + 1, words),
            lengths,
        )

    axes = {
        "words": ("T", "B"),
        "spellings": ("T", "B"),
        "characters": ("C", "N"),
        "word_lengths": ("N",),
        "lengths": ("B",),
    }
    cases = ((6, 3, 7, 11), (1, 1, 1, 1), (2, 5, 4, 3), (30, 2, 9, 40))
    return ExportGraph(
        SentenceModel(task),
        axes,
        _outputs(task.head),
        example,
        tuple(dict(zip("TBCN", case, strict=True)) for case in cases),
    )


def export_frames(task: Tagging) -> ExportGraph:
    """The same of every frame of whole recordings, whose features are those that the reader of the data gives."""
    size = len(task.units.reader_state["channels"]) * (1 + len(task.units.reader_state["lags"]))

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        steps, lanes = sizes["T"], sizes["B"]
        generator = torch.Generator().manual_seed(steps)
        lengths = torch.randint(1, steps + 1, (lanes,), generator=generator)
        lengths[0] = steps
        return torch.randn(steps, lanes, size, generator=generator), lengths

    return ExportGraph(
        RecordingModel(task),
        {"inputs": ("T", "B", size), "lengths": ("B",)},
        _outputs(task.head),
        example,
        tuple({"T": steps, "B": lanes} for steps, lanes in ((6, 3), (1, 1), (2, 5), (30, 2))),
    )
