"""A trained model of text as the language model of a beam search."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.decode.language_model import LanguageModel
from throughtime.errors import UserError
from throughtime.task.base import Task
from throughtime.task.textgen.task import TextGeneration
from throughtime.tokenizer.stream import Origin
from throughtime.tree import Tree


class TextState:
    """The state after some symbols; the model's step is taken when the next one is asked for.

    Args:
        before: the model's state before the last symbol.
        last: the number of the last symbol, `[1]`.
    """

    def __init__(self, before: Tree, last: Tensor) -> None:
        self.before, self.last = before, last
        self.after: tuple[list[float], Tree] | None = None


class TextModel(LanguageModel):
    """log p of symbols by a trained task of text generation, whose tokens are characters or bytes.

    A text of running prose says nothing of ends; one of lines ends where its end symbol does.

    Args:
        task: trained, in evaluation mode.
        symbols: that it is asked for.
        name: of the run, for errors.

    Raises:
        UserError: the task is another one, or a symbol is no token of it.
    """

    def __init__(self, task: Task, symbols: Sequence[str], name: str) -> None:
        if not isinstance(task, TextGeneration):
            raise UserError(f"--lm {name} is a run of task={task.name}, not of text generation")
        self.task = task
        vocabulary = task.tokenizer.vocabulary
        self.numbers: dict[str, int] = {}
        for symbol in symbols:
            try:
                ids = [int(one) for one in task.tokenizer.encode(symbol, Origin(name))]
            except UserError:
                ids = []
            if len(ids) != 1 or ids[0] == vocabulary.unknown:
                raise UserError(
                    f"--lm {name}: {symbol!r} is no single token of this model; train one with tokenizer=characters on "
                    "text that has all symbols of the transcripts"
                )
            self.numbers[symbol] = ids[0]
        self.end = vocabulary.end

    def initial_state(self) -> TextState:
        start = self.task.tokenizer.vocabulary.start
        if start is None:
            start = next(
                (number for one, number in self._boundaries() if one), next(iter(self.numbers.values()))
            )
        device = self.task.device
        return TextState(self.task.model.initial_state(1), torch.tensor([start], device=device))

    def extend(self, state: TextState, symbol: str) -> tuple[float, TextState]:
        log_probabilities, after = self._after(state)
        number = self.numbers[symbol]
        return log_probabilities[number], TextState(after, torch.tensor([number], device=self.task.device))

    def finish(self, state: TextState) -> float:
        return 0.0 if self.end is None else self._after(state)[0][self.end]

    def _after(self, state: TextState) -> tuple[list[float], Tree]:
        """The log-probability of every token after a state's last symbol, and the model's state there."""
        if state.after is None:
            with torch.inference_mode():
                features, after = self.task.model.step(state.last, state.before)
                state.after = self.task.head.predict(features)[0].tolist(), after
        return state.after

    def _boundaries(self) -> list[tuple[bool, int]]:
        """Tokens that a text may begin after, a line end first and then a space."""
        found: list[tuple[bool, Any]] = []
        for symbol in ("\n", " "):
            try:
                ids = [int(one) for one in self.task.tokenizer.encode(symbol, Origin("the prompt"))]
            except UserError:
                continue
            found.append((len(ids) == 1 and ids[0] != self.task.tokenizer.vocabulary.unknown, ids[0]))
        return found
