"""The contract of pooling: a reduction over the steps of a sequence so far, at every step."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.errors import check_positive
from throughtime.tree import Tree, map_state, where_state


class Pooling(nn.Module, ABC):
    """pooled_t = reduction(y_1 .. y_t): a prefix reduction of features, with a state of its own.

    As pooled_t depends on no later step, padding changes nothing, a sequence that is cut into chunks gives the numbers
    of the whole by the carried state, and predictions can be read off every step.

    Args:
        input_size: H, the features of a step.
        backward_size: the last features of a step that a recurrence from the end of the sequence gives; 0 where the
            layers are causal.

    Attributes:
        output_size: the features of pooled_t.
    """

    def __init__(self, input_size: int, backward_size: int = 0) -> None:
        check_positive(input_size=input_size)
        super().__init__()
        self.input_size = input_size
        self.backward_size = backward_size
        self.output_size = input_size

    @abstractmethod
    def initial_state(self, batch_size: int) -> Tree:
        """The state before the first step."""

    @abstractmethod
    def prefixes(self, features: Float[Tensor, "T B H"], state: Tree) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The pooled features at every step, and the states after every step, each with a first axis of T.

        Args:
            features: of each step.
            state: before the first step.
        """

    def forward(
        self,
        features: Float[Tensor, "T B H"],
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The pooled features at every step, and the state after each lane's last true step.

        Args:
            features: of each step.
            state: from `initial_state`, or from the chunk before.
            lengths: the true steps of each lane; its state stays from there on.
            resets: where true, the lane's state starts anew before that step.
        """
        if resets is not None:
            return self._with_resets(features, state, lengths, resets)
        pooled, states = self.prefixes(features, state)
        if lengths is None:
            return pooled, map_state(lambda tensor: tensor[-1], states)
        places = (lengths - 1).clamp(min=0)
        lanes = torch.arange(lengths.shape[0], device=lengths.device)
        after = map_state(lambda tensor: tensor[places, lanes], states)
        return pooled, where_state(lengths > 0, after, state)

    def step(self, features: Float[Tensor, "B H"], state: Tree) -> tuple[Float[Tensor, "B H"], Tree]:
        """The pooled features of one more step and the state after it."""
        pooled, after = self(features[None], state)
        return pooled[0], after

    def whole(self, features: Float[Tensor, "T B H"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B H"]:
        """The pooled features of whole sequences: those at each lane's last true step."""
        pooled, _ = self(features, self.initial_state(lengths.shape[0]))
        return pooled[lengths - 1, torch.arange(lengths.shape[0], device=lengths.device)]

    def _with_resets(
        self,
        features: Float[Tensor, "T B H"],
        state: Tree,
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"],
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        parts = []
        for place, (step, reset) in enumerate(zip(features, resets, strict=True)):
            state = where_state(reset, self.initial_state(len(reset)), state)
            pooled, after = self.step(step, state)
            state = after if lengths is None else where_state(lengths > place, after, state)
            parts.append(pooled)
        return torch.stack(parts), state
