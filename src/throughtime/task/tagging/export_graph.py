"""The exported graph of a tagger: words in padded sentences to log-probabilities, or to the parts of a chain."""

import torch
from torch import Tensor, nn

from throughtime.data.word_inputs import WordInputs
from throughtime.head.crf import CRF
from throughtime.task.export_graph import ExportGraph, Sizes
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
        if not isinstance(self.head, CRF):
            return self.head.predict(features)
        chain = (self.head.transitions, self.head.first, self.head.last)
        return self.head.emissions(features), *(part.clone() for part in chain)


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
    chain = ("emissions", "transitions", "first", "last")
    outputs = chain if isinstance(task.head, CRF) else ("log_probabilities",)
    cases = ((6, 3, 7, 11), (1, 1, 1, 1), (2, 5, 4, 3), (30, 2, 9, 40))
    return ExportGraph(
        SentenceModel(task),
        axes,
        outputs,
        example,
        tuple(dict(zip("TBCN", case, strict=True)) for case in cases),
    )
