"""Random numbers that can be drawn a second time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class RandomStates:
    """The states of torch's generators at several moments.

    Args:
        device: draws its own numbers, if it is no CPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._states: list[tuple[Tensor, ...]] = []

    def note(self) -> None:
        """Remember this moment."""
        now = self._now()
        # A model without dropout draws nothing, so that one state serves all moments.
        same = bool(self._states) and all(map(torch.equal, now, self._states[-1]))
        self._states.append(self._states[-1] if same else now)

    @contextmanager
    def again(self, moment: int) -> Iterator[None]:
        """Draw what was drawn from that moment on, and leave the generators as they are."""
        now = self._now()
        self._set(self._states[moment])
        try:
            yield
        finally:
            self._set(now)

    def _now(self) -> tuple[Tensor, ...]:
        own = (torch.cuda.get_rng_state(self._device),) if self._device.type == "cuda" else ()
        return torch.get_rng_state(), *own

    def _set(self, states: tuple[Tensor, ...]) -> None:
        torch.set_rng_state(states[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(states[1], self._device)
