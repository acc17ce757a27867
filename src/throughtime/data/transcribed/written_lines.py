"""Lines of written words that are composed on the fly, each in a random hand, without a file."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.strokes.hand import FONTS, Hand
from throughtime.data.strokes.points import CHANNELS, POSITIONS
from throughtime.data.strokes.stroke_files import StrokeFiles
from throughtime.data.strokes.written_words import WrittenWords
from throughtime.data.transcribed.drawn import Drawn, DrawnSource
from throughtime.errors import UserError, check_positive


class WrittenLines(DrawnSource):
    """Words in small letters on a line, drawn uniformly and written by a hand that is drawn for each line.

    The words are those of `WrittenWords`: no word is in two parts. Every line of validation and test has a hand of its
    own, which no training line has. Training lines are drawn anew in every epoch; those of validation and test are the
    same in all runs.

    Args:
        words: the least and the most words of a line.
        lines: of a training epoch.
        eval_lines: of validation, and of test.
        longest: letters of the longest word.
        fonts: those that a hand may have.
        word_seed: of the parts of the words.
        size, position, deslant, resample, points, spacing, positions: as of `StrokeFiles`.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(
        self,
        words: Sequence[int] = (1, 1),
        lines: int = 4000,
        eval_lines: int = 400,
        longest: int = 8,
        fonts: Sequence[str] = FONTS,
        word_seed: int = 1,
        size: str = "height",
        position: str = "start",
        deslant: bool = False,
        resample: str = "length",
        points: int | None = None,
        spacing: float | int | None = 0.1,
        positions: bool = False,
    ) -> None:
        check_positive(**{"data.source.lines": lines, "data.source.eval_lines": eval_lines})
        if len(words) != 2 or not 1 <= words[0] <= words[1] <= 100:
            raise UserError(
                f"data.source.words={list(words)} must be the least and the most words, from 1 to 100"
            )
        self.reader = StrokeFiles(
            size=size,
            position=position,
            deslant=deslant,
            resample=resample,
            points=points,
            spacing=spacing,
            positions=positions,
        )
        self._source = WrittenWords(longest=longest, fonts=fonts, word_seed=word_seed)
        self._words: dict[str, list[str]] = {}
        self.words = tuple(words)
        self.counts = {"train": lines, "val": eval_lines, "test": eval_lines}

    def prepare(self, path: str | None, restored: bool) -> None:
        if path is not None:
            raise UserError(f"data.path={path}: these data are made without a file; leave data.path out")
        self._words = {split: self._source.words(split) for split in self.counts}
        told = f"{self.words[0]}" if self.words[0] == self.words[1] else f"{self.words[0]} to {self.words[1]}"
        self.description = (
            f"lines of {told} of {sum(map(len, self._words.values())):,} words of Python's documentation, each in a "
            "random hand"
        )

    def sizes(self, split: str) -> Integer[np.ndarray, " n"]:
        return np.array(
            [sum(map(len, self._chosen(split, number))) for number in range(self.counts[split])],
            dtype=np.int64,
        )

    def draw(self, split: str, number: int, generator: np.random.Generator) -> Drawn:
        text = " ".join(self._chosen(split, number))
        hand = Hand.draw(generator, self._source.fonts)
        ink = hand.write(text, generator)
        return Drawn(self.reader.sequence(ink.strokes, ink.times, ink.place), text)

    def alphabet(self) -> list[str]:
        letters = {letter for words in self._words.values() for word in words for letter in word}
        return sorted(letters | ({" "} if self.words[1] > 1 else set()))

    def channels(self) -> tuple[str, ...]:
        return CHANNELS + (POSITIONS if self.reader.positions else ())

    def digest(self) -> str:
        told = (self._words, self.words, self.counts, self._source.state(), self.reader.state())
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _chosen(self, split: str, number: int) -> list[str]:
        """The words of a line, the same in every epoch."""
        generator = np.random.default_rng((self._source.word_seed, 2, SPLIT_NAMES.index(split), number))
        words = self._words[split]
        count = generator.integers(self.words[0], self.words[1] + 1)
        return [words[place] for place in generator.integers(len(words), size=count)]
