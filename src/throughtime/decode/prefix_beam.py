"""Prefix beam search of CTC, with a language model by shallow fusion."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.decode.ctc_path import BLANK
from throughtime.decode.language_model import LanguageModel
from throughtime.errors import check_positive

NEVER = -math.inf


class Prefix(NamedTuple):
    """The first symbols of a transcript.

    Attributes:
        symbols: from 1 on.
        blank, symbol: log p of the paths so far that collapse to the symbols and end with a blank, or with a symbol.
        fused: λ log p_LM + β |symbols|.
        state: of the language model.
    """

    symbols: tuple[int, ...]
    blank: float
    symbol: float
    fused: float
    state: Any

    @property
    def total(self) -> float:
        """log p of all paths so far that collapse to the symbols."""
        return _add(self.blank, self.symbol)


class Transcription(NamedTuple):
    """Symbols with log p of CTC, and the score by which they are ranked."""

    symbols: list[int]
    log_probability: float
    score: float


class PrefixBeam:
    """argmax over z of log p(z | x) + λ log p_LM(z) + β |z|, among the N best prefixes at each step.

    The probabilities of all paths of a prefix are added up, so that an N as large as the number of all prefixes is
    exhaustive. Symbols that are less probable than exp(-prune) at a step are not tried there.

    Source: Graves & Jaitly 2014; Hannun et al. 2014, arXiv 1408.2873; shallow fusion as in Gulcehre et al. 2015,
    arXiv 1503.03535.

    Args:
        width: N.
        model: p_LM; None for none.
        alphabet: the symbols from 1 on as a language model reads them.
        weight: λ.
        insertion: β, nats that every symbol adds.
        prune: nats; ∞ to try every symbol at every step.

    Raises:
        UserError: the width is not positive.
    """

    def __init__(
        self,
        width: int = 8,
        model: LanguageModel | None = None,
        alphabet: Sequence[str] = (),
        weight: float = 0.5,
        insertion: float = 0.0,
        prune: float = 12.0,
    ) -> None:
        check_positive(width=width)
        self.width = width
        self.model = model
        self.alphabet = list(alphabet)
        self.weight, self.insertion, self.prune = weight, insertion, prune

    def __call__(self, log_probabilities: Float[np.ndarray, "T K"]) -> list[Transcription]:
        """The transcripts of the last beam, the best first."""
        state = None if self.model is None else self.model.initial_state()
        beam = [Prefix((), 0.0, NEVER, 0.0, state)]
        for step in log_probabilities.astype(np.float64):
            beam = self._advanced(beam, step.tolist())
        found = [
            Transcription(list(one.symbols), one.total, one.total + one.fused + self._end(one))
            for one in beam
        ]
        return sorted(found, key=lambda one: (-one.score, one.symbols))

    def _advanced(self, beam: Sequence[Prefix], step: list[float]) -> list[Prefix]:
        """The N best prefixes after one more step, given the log-probability of each class."""
        tried = [number for number in range(1, len(step)) if step[number] >= -self.prune]
        known = {one.symbols: one for one in beam}
        found: dict[tuple[int, ...], Prefix] = {}

        def add(like: Prefix, blank: float, symbol: float) -> None:
            before = found.get(like.symbols)
            if before is not None:
                blank, symbol = _add(before.blank, blank), _add(before.symbol, symbol)
            found[like.symbols] = like._replace(blank=blank, symbol=symbol)

        for prefix in beam:
            last = prefix.symbols[-1] if prefix.symbols else None
            again = NEVER if last is None else prefix.symbol + step[last]
            add(prefix, prefix.total + step[BLANK], again)
            for number in tried:
                reached = (prefix.blank if number == last else prefix.total) + step[number]
                if reached == NEVER:
                    continue
                symbols = (*prefix.symbols, number)
                like = known.get(symbols) or found.get(symbols) or self._extended(prefix, number)
                add(like, NEVER, reached)
        ranked = sorted(found.values(), key=lambda one: (-(one.total + one.fused), one.symbols))
        return ranked[: self.width]

    def _extended(self, prefix: Prefix, number: int) -> Prefix:
        fused, state = prefix.fused + self.insertion, prefix.state
        if self.model is not None:
            gained, state = self.model.extend(prefix.state, self.alphabet[number - 1])
            fused += self.weight * gained
        return Prefix((*prefix.symbols, number), NEVER, NEVER, fused, state)

    def _end(self, prefix: Prefix) -> float:
        return 0.0 if self.model is None else self.weight * self.model.finish(prefix.state)


def _add(first: float, second: float) -> float:
    """log(exp(a) + exp(b))."""
    if first < second:
        first, second = second, first
    return first if second == NEVER else first + math.log1p(math.exp(second - first))
