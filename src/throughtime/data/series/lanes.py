"""Lanes of series: training one step ahead on long streams with carried state."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from throughtime.data.batch import Batch
from throughtime.data.lanes import Lanes
from throughtime.data.series.store import SeriesStore
from throughtime.errors import UserError


class SeriesLanes:
    """Chunks of `[T, B]` steps for training one step ahead through time; each target is the next value.

    The training steps of all series form one long stream of lanes (`throughtime.data.lanes`); where a series
    begins, the lane's state starts anew, and the step from one series to the next does not count.

    Args:
        store: the series.
        spans: the first and the one after the last step of each series to train on.
        batch_size: B, the lanes.
        chunk_length: T, the steps between two updates (k1).
        random_offset: whether each epoch begins at another step.
        seed: of the offsets.
    """

    def __init__(
        self,
        store: SeriesStore,
        spans: list[tuple[int, int]],
        batch_size: int,
        chunk_length: int,
        random_offset: bool = True,
        seed: int = 1,
    ) -> None:
        places = [np.arange(start, stop) + store.starts[series] for series, (start, stop) in enumerate(spans)]
        lengths = np.array([len(part) for part in places])
        ids = np.concatenate(places)
        if len(ids) <= max(batch_size, chunk_length):
            raise UserError(
                f"the training part has {len(ids)} steps, too few for data.batch_size={batch_size} lanes of chunks of "
                f"data.chunk_length={chunk_length}; set both lower"
            )
        beginnings = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.lanes = Lanes(np.arange(len(ids)), batch_size, chunk_length, beginnings, random_offset, seed)
        self._history = store.history[ids]
        self._known = store.known[ids]
        self._values, self._observed = store.values[ids], store.observed[ids]
        self._series = np.repeat(np.arange(len(spans)), lengths)

    def __len__(self) -> int:
        return len(self.lanes)

    def __iter__(self) -> Iterator[Batch]:
        chunks = iter(self.lanes)
        return (self._batch(chunk) for chunk in chunks)

    def _batch(self, steps: Batch) -> Batch:
        now, following = steps.inputs.numpy(), steps.targets.numpy()
        mask = self._observed[following] & (self._series[following] == self._series[now])[..., None]
        running = steps.target_mask()
        if running is not None:
            mask &= running.numpy()[..., None]
        inputs = np.concatenate([self._history[now], self._known[following]], axis=2)
        return Batch(
            steps.chunk._replace(inputs=torch.from_numpy(inputs)),
            targets=torch.from_numpy(np.where(mask, self._values[following], 0)),
            mask=torch.from_numpy(mask),
        )

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next chunk."""
        return self.lanes.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.lanes.load_state_dict(state)
