"""Text generation: predict the next symbol of a text, and write text by sampling from the predictions."""

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
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.tokenizer.restore import tokenizer_from_state
from throughtime.tokenizer.stream import Origin

# In seconds on a machine of today: what making a compiled step takes where no cache has it, and what it saves.
COMPILING = 1.0
SAVED_A_STEP, SAVED_A_LANE = 50e-6, 4e-6


def worthwhile(lanes: int) -> int:
    """From how many steps on a text of so many lanes is written by a compiled step."""
    return math.ceil(COMPILING / (SAVED_A_STEP + SAVED_A_LANE * lanes))


class TextGeneration(Task):
    """A language model p(x_{t+1} | x_1 .. x_t), measured in nats a token, bits a character and perplexity.

    Bits per character count the characters that the tokens cover, so characters, bytes, words and BPE compare:

        bpc = total nats / (ln 2 · characters) = loss / (ln 2 · characters per token).

    Args:
        artifacts: what the data fitted, in plain containers: the tokenizer's state and the characters per token.
    """

    name: ClassVar[str] = "textgen"
    kind: ClassVar[str] = "text"
    fitting_data: ClassVar[tuple[str, ...]] = ("characters", "text", "lines")
    monitor: ClassVar[str] = "val/bpc"

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization,
        artifacts: dict[str, Any],
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        self.tokenizer = tokenizer_from_state(artifacts["tokenizer"])
        self.characters_per_token: dict[str, float] = artifacts["characters_per_token"]
        vocabulary = self.tokenizer.vocabulary
        no_text = [index for index in (vocabulary.unknown, vocabulary.start) if index is not None]
        excluded = torch.zeros(len(vocabulary.identities))
        excluded[no_text] = -torch.inf
        self.register_buffer("excluded", excluded, persistent=False)

    def measure_on(self, artifacts: dict[str, Any]) -> None:
        self.characters_per_token = artifacts["characters_per_token"]

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        axis = SymbolAxis("symbols", self.tokenizer.vocabulary.identities)
        return dict.fromkeys(("model.front.weight", "head.weight", "head.bias"), (axis,))

    def measures(self, stage: str, loss: float) -> Mapping[str, float]:
        bits = loss / math.log(2)
        return {"bpc": bits / self.characters_per_token[stage], "perplexity": math.exp(min(loss, 700.0))}

    def write(
        self, prompt: str, length: int, decoder: Decoder, generator: torch.Generator, samples: int = 1
    ) -> Iterator[Int[Tensor, " B"]]:
        """Go on from a prompt: the ids of all samples, one step after another, up to `length` steps.

        The model must be in evaluation mode. Where sequences have an end symbol, a sample ends with it.

        Raises:
            UserError: the prompt has a symbol that the vocabulary lacks and the tokenizer's policy is an error.
        """
        vocabulary = self.tokenizer.vocabulary
        read = torch.tensor(self._prompt_ids(prompt), device=self.device)[:, None].expand(-1, samples)
        predicted, state = prime(self.model, self._writable, read, self.model.initial_state(samples))
        step = self._step(length, read[-1])
        return decoder(step, predicted, state, length, generator, end=vocabulary.end)

    def _step(self, length: int, ids: Int[Tensor, " B"]) -> Step:
        """The step of a decoder: compiled where that pays for the length and lanes of the text.

        Nothing else decides, so that the same seed gives the same text whatever was written before.
        """
        found = None
        if length >= worthwhile(len(ids)):
            found = compiled_step(self.model, self.head, self.excluded, ids)
        return step_of(self.model.step, self._writable) if found is None else found

    def _prompt_ids(self, prompt: str) -> list[int]:
        """The ids to read first, at least one."""
        start = self.tokenizer.vocabulary.start
        ids = [int(index) for index in self.tokenizer.encode(prompt, Origin("the prompt"))]
        if start is not None:
            return [start, *ids]
        if ids:
            return ids
        # A text without boundaries has no beginning to start from; a new line is the nearest thing.
        return [int(index) for index in self.tokenizer.encode("\n", Origin("the empty prompt"))]

    def _writable(self, features: Float[Tensor, "*B H"]) -> Float[Tensor, "*B V"]:
        """The head's prediction without the symbols that are no text: `<unk>` and `<start>`."""
        return self.head.predict(features) + self.excluded

    def generate(self, prompt: str, length: int, decoder: Decoder, generator: torch.Generator) -> str:
        """The prompt and what one sample makes of it."""
        written = [int(ids[0]) for ids in self.write(prompt, length, decoder, generator)]
        return prompt + self.tokenizer.decode(written)
