"""Text generation: a language model predicts the next symbol of a text and writes by sampling its predictions."""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.decode.base import Decoder, Step
from throughtime.decode.compiled_step import compiled_step
from throughtime.decode.prime import prime, step_of
from throughtime.head.base import Head
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.tokenizer.restore import tokenizer_from_state
from throughtime.tokenizer.stream import Origin

# Estimates in seconds: compiling a step that no cache has, and the time saved by each step and by each of its lanes.
COMPILE_SECONDS = 1.0
SAVED_PER_STEP, SAVED_PER_LANE = 50e-6, 4e-6


def break_even_length(lanes: int) -> int:
    """The least number of steps for which compiling the step saves time."""
    return math.ceil(COMPILE_SECONDS / (SAVED_PER_STEP + SAVED_PER_LANE * lanes))


class TextGeneration(Task):
    """A language model p(x_{t+1} | x_1 .. x_t), measured in nats a token, bits a character and perplexity.

    Bits per character count the characters that the tokens cover, so characters, bytes, words and BPE compare:

        bpc = total nats / (ln 2 · characters) = loss / (ln 2 · characters per token).

    An unknown symbol, `<unk>`, is cheaper to predict than the characters that it stands for, so their share is a metric
    too (`unknown`): above 0, the others compare between equal vocabularies only.

    Args:
        artifacts: what the data fitted, in plain containers: the tokenizer's state, the characters per token and the
            share of unknown symbols.
    """

    name: ClassVar[str] = "textgen"
    kind: ClassVar[str] = "text"
    monitor: ClassVar[str] = "val/bpc"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(("bpc", "perplexity"), "min")

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        self.tokenizer = tokenizer_from_state(artifacts["tokenizer"])
        self.measure_on(artifacts)
        vocabulary = self.tokenizer.vocabulary
        unprintable = [index for index in (vocabulary.unknown, vocabulary.start) if index is not None]
        excluded = torch.zeros(len(vocabulary.identities))
        excluded[unprintable] = -torch.inf
        self.register_buffer("excluded", excluded, persistent=False)

    def measure_on(self, artifacts: dict[str, Any]) -> None:
        self.characters_per_token: dict[str, float] = artifacts["characters_per_token"]
        self.unknown_share: dict[str, float] = artifacts.get("unknown_share", {})

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        axis = SymbolAxis("symbols", self.tokenizer.vocabulary.identities)
        return dict.fromkeys(("model.front.weight", "head.weight", "head.bias"), (axis,))

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        bits = loss / math.log(2)
        measured = {"bpc": bits / self.characters_per_token[stage], "perplexity": math.exp(min(loss, 700.0))}
        return measured | ({"unknown": self.unknown_share[stage]} if stage in self.unknown_share else {})

    def summary_table(self) -> str:
        share = self.unknown_share.get("test", 0.0)
        if not share:
            return ""
        return (
            f"{share:.2%} of the symbols of the test text are <unk>, each cheaper to predict than what it stands for:\n"
            "bpc and perplexity compare between runs with equal vocabularies only"
        )

    @classmethod
    def add_generate_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.textgen.generate import add_options

        add_options(parser)

    def generate(self, options: argparse.Namespace) -> None:
        from throughtime.task.textgen.generate import generate

        generate(self, options)

    def export_graph(self) -> ExportGraph:
        from throughtime.task.textgen.export_graph import export_graph

        return export_graph(self)

    def next_commands(self, run: str) -> list[tuple[str, str]]:
        return [("generate", f"python scripts/generate.py {run} --length 500")]

    def write(
        self, prompt: str, length: int, decoder: Decoder, generator: torch.Generator, samples: int = 1
    ) -> Iterator[Int[Tensor, " B"]]:
        """Yield the ids that follow a prompt, one step of all samples after another, up to `length` steps.

        The model must be in evaluation mode. Where sequences have an end symbol, a sample ends with it.

        Raises:
            UserError: the prompt has a symbol that the vocabulary lacks and the tokenizer's policy is an error.
        """
        vocabulary = self.tokenizer.vocabulary
        read = torch.tensor(self._prompt_ids(prompt), device=self.device)[:, None].expand(-1, samples)
        predicted, state = prime(self.model, self._log_probabilities, read, self.model.initial_state(samples))
        step = self._step(length, read[-1])
        return decoder(step, predicted, state, length, generator, end=vocabulary.end)

    def _step(self, length: int, ids: Int[Tensor, " B"]) -> Step:
        """A decoder's step, compiled where that saves time for this length and number of lanes.

        Nothing else decides, so that the same seed gives the same text whatever was written before.
        """
        found = None
        if length >= break_even_length(len(ids)):
            found = compiled_step(self.model, self.head, self.excluded, ids)
        return step_of(self.model.step, self._log_probabilities) if found is None else found

    def _prompt_ids(self, prompt: str) -> list[int]:
        """The ids of a prompt, at least one: a text without boundaries begins after a new line."""
        start = self.tokenizer.vocabulary.start
        ids = [int(index) for index in self.tokenizer.encode(prompt, Origin("the prompt"))]
        if start is not None:
            return [start, *ids]
        if ids:
            return ids
        return [int(index) for index in self.tokenizer.encode("\n", Origin("the empty prompt"))]

    def _log_probabilities(self, features: Float[Tensor, "*B H"]) -> Float[Tensor, "*B V"]:
        """The head's log-probabilities, -∞ for the symbols that are no text: `<unk>` and `<start>`."""
        return self.head.predict(features) + self.excluded

    def write_one(self, prompt: str, length: int, decoder: Decoder, generator: torch.Generator) -> str:
        """The prompt and one sample that follows it, as text."""
        written = [int(ids[0]) for ids in self.write(prompt, length, decoder, generator)]
        return prompt + self.tokenizer.decode(written)
