"""The contract of language models that take part in decoding: log p of one symbol after another."""

from abc import ABC, abstractmethod
from typing import Any


class LanguageModel(ABC):
    """Base class of p(text), symbol by symbol: Σ over the symbols of `extend`, and `finish`."""

    @abstractmethod
    def initial_state(self) -> Any:
        """The state before the first symbol."""

    @abstractmethod
    def extend(self, state: Any, symbol: str) -> tuple[float, Any]:
        """The log-probability in nats that a symbol adds, and the state after it.

        Args:
            state: after the symbols so far; it is not changed.
            symbol: one character.
        """

    def finish(self, state: Any) -> float:
        """The log-probability that the end of the text adds."""
        return 0.0
