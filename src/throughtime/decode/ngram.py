"""N-gram language models of characters or words: ARPA files, or counts of a text with Witten-Bell smoothing."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from throughtime.decode.language_model import LanguageModel
from throughtime.errors import UserError, check_choice, check_positive

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
SPACES = ("<space>", "▁", "|")
"""Names that files of character models give a space."""

UNITS = ("character", "word")
LONGEST_ORDER = 20
ORDERS = re.compile("[1-9][0-9]?")
NEVER = -99.0
"""The logarithm of a probability of 0 in ARPA files, to the base 10."""

FLOOR = -100.0
"""Log-probability in nats of a unit of which a model without <unk> knows nothing."""

Gram = tuple[str, ...]


class NGram:
    """p(unit | the n - 1 units before it), with back-off.

        p(w | h) = the table's where it has (h, w), else b(h) p(w | h without its first unit)

    Args:
        tables: log p in nats of each n-gram, (h, w).
        backoffs: log b of each h; 0 where there is none.
        order: n.
    """

    def __init__(self, tables: Mapping[Gram, float], backoffs: Mapping[Gram, float], order: int) -> None:
        self.tables, self.backoffs, self.order = tables, backoffs, order

    def log_probability(self, history: Gram, unit: str) -> float:
        """log p(unit | history) in nats; an unknown unit counts as <unk>."""
        if (unit,) not in self.tables:
            unit = UNKNOWN
        history = tuple(one if (one,) in self.tables else UNKNOWN for one in history)
        history = history[max(0, len(history) - self.order + 1) :]
        total = 0.0
        while True:
            found = self.tables.get((*history, unit))
            if found is not None:
                return total + found
            if not history:
                return total + FLOOR
            total += self.backoffs.get(history, 0.0)
            history = history[1:]

    @property
    def units(self) -> list[str]:
        """All units, without the marks of the start and the end and without <unk>."""
        return [gram[0] for gram in self.tables if len(gram) == 1 and gram[0] not in (START, END, UNKNOWN)]


def count_ngrams(sentences: Iterable[Sequence[str]], order: int) -> NGram:
    """The n-gram model of sentences with Witten-Bell smoothing (Witten & Bell 1991), down to a uniform distribution.

        p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h)),   t(h) the number of different units after h

    Args:
        sentences: the units of each.
        order: n.

    Raises:
        UserError: there is no sentence, or the order is out of its range.
    """
    check_positive(**{"--lm-order": order})
    if order > LONGEST_ORDER:
        raise UserError(f"--lm-order {order} must be at most {LONGEST_ORDER}")
    counts: dict[Gram, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        units = [START] * (order > 1) + [*sentence, END]
        for place in range(int(order > 1), len(units)):
            for length in range(min(order, place + 1)):
                counts[tuple(units[place - length : place])][units[place]] += 1
    if not counts:
        raise UserError("there is no text to count; give a file with lines in it")
    units = sorted({*counts[()], UNKNOWN})
    tables: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    total, kinds = counts[()].total(), len(counts[()])
    for unit in units:
        share = (counts[()][unit] + kinds / len(units)) / (total + kinds)
        tables[(unit,)] = math.log(share)
    tables[(START,)] = FLOOR
    model = NGram(tables, backoffs, order)
    for history in sorted((one for one in counts if one), key=len):
        seen = counts[history]
        whole = seen.total() + len(seen)
        backoffs[history] = math.log(len(seen) / whole)
        for unit, count in seen.items():
            shorter = math.exp(model.log_probability(history[1:], unit))
            tables[(*history, unit)] = math.log((count + len(seen) * shorter) / whole)
    return model


def read_arpa(text: str, name: str) -> NGram:
    """The n-gram model of a file in the ARPA format, whose logarithms are to the base 10.

    Args:
        text: of the file.
        name: of the file, for errors.

    Raises:
        UserError: the text is not in this format; it names the line.
    """
    tables: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    order, longest = 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1:-7]) if ORDERS.fullmatch(line[1:-7]) else 0
            longest = max(longest, order)
        elif line == "\\end\\":
            break
        elif line and order and not line.startswith("\\"):
            cells = line.split()
            if len(cells) not in (order + 1, order + 2):
                raise UserError(
                    f"{name}, line {number}: an n-gram of {order} needs a logarithm, {order} units and at most a "
                    f"back-off weight, and this line has {len(cells)} words"
                )
            try:
                values = [float(cells[0]), float(cells[order + 1]) if len(cells) > order + 1 else 0.0]
            except ValueError:
                values = [math.nan]
            if not all(value < math.inf for value in values):
                raise UserError(f"{name}, line {number}: the logarithms must be numbers")
            values = [max(value, NEVER) for value in values]
            gram = tuple(" " if cell in SPACES else cell for cell in cells[1 : order + 1])
            tables[gram] = values[0] * math.log(10)
            if values[1]:
                backoffs[gram] = values[1] * math.log(10)
    if not tables:
        raise UserError(f"{name} has no n-gram in the ARPA format; a section \\1-grams: is needed")
    return NGram(tables, backoffs, longest)


class CharacterNGram(LanguageModel):
    """A text as characters, one n-gram after another.

    Args:
        model: of characters.
    """

    def __init__(self, model: NGram) -> None:
        self.model = model

    def initial_state(self) -> Gram:
        return (START,)

    def extend(self, state: Gram, symbol: str) -> tuple[float, Gram]:
        after = (*state, symbol)
        return self.model.log_probability(state, symbol), after[max(0, len(after) - self.model.order) :]

    def finish(self, state: Gram) -> float:
        return self.model.log_probability(state, END)


class WordNGram(LanguageModel):
    """A text as words with spaces between them: a word counts where it ends.

    Args:
        model: of words.
    """

    def __init__(self, model: NGram) -> None:
        self.model = model

    def initial_state(self) -> tuple[Gram, str]:
        return (START,), ""

    def extend(self, state: tuple[Gram, str], symbol: str) -> tuple[float, tuple[Gram, str]]:
        words, letters = state
        if symbol != " ":
            return 0.0, (words, letters + symbol)
        gained, words = self._ended(words, letters)
        return gained, (words, "")

    def finish(self, state: tuple[Gram, str]) -> float:
        gained, words = self._ended(*state)
        return gained + self.model.log_probability(words, END)

    def _ended(self, words: Gram, letters: str) -> tuple[float, Gram]:
        if not letters:
            return 0.0, words
        after = (*words, letters)
        return self.model.log_probability(words, letters), after[max(0, len(after) - self.model.order) :]


def read_ngram(file: Path, text: str, unit: str | None = None, order: int = 5) -> LanguageModel:
    """The language model of an ARPA file, or of the lines of a text.

    Args:
        file: for its name.
        text: its content.
        unit: one of `UNITS`; None for words where an ARPA file has a unit of several characters, else for characters.
        order: n, of a text that is counted.

    Raises:
        UserError: the file is not in the ARPA format, or the text is empty.
    """
    if unit is not None:
        check_choice(UNITS, **{"--lm-unit": unit})
    if file.suffix == ".arpa" or "\\data\\" in text[:1000]:
        model = read_arpa(text, str(file))
        unit = unit or ("word" if any(len(one) > 1 for one in model.units) else "character")
    else:
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        model = count_ngrams([line.split() if unit == "word" else list(line) for line in lines], order)
    return WordNGram(model) if unit == "word" else CharacterNGram(model)
