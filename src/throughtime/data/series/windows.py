"""Windows of many series in batches, in a new order each epoch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.position import Position
from throughtime.data.series.store import SeriesStore
from throughtime.errors import check_positive


class Windows:
    """Batches of windows, all from a fresh state; the last batch may have fewer lanes.

    The order of an epoch is a function of the seed and the epoch alone.

    Args:
        store: the series.
        pairs: the series and the origin of every window, `[n, 2]`.
        look_back, horizon: T and S.
        batch_size: B.
        normalisation, season: as `SeriesStore.cut`.
        shuffle: whether each epoch has an order of its own; else the windows come as they are.
        seed: of the orders.
    """

    def __init__(
        self,
        store: SeriesStore,
        pairs: Integer[np.ndarray, "n 2"],
        look_back: int,
        horizon: int,
        batch_size: int,
        normalisation: str = "none",
        season: int = 1,
        shuffle: bool = False,
        seed: int = 1,
    ) -> None:
        check_positive(look_back=look_back, horizon=horizon, batch_size=batch_size)
        self.store = store
        self.pairs = pairs
        self.look_back = look_back
        self.horizon = horizon
        self.batch_size = batch_size
        self.normalisation = normalisation
        self.season = season
        self.shuffle = shuffle
        self.seed = seed
        self.position = Position()
        self._order: np.ndarray | None = None
        self._order_epoch = -1

    def __len__(self) -> int:
        return -(-len(self.pairs) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        self.position.begin(len(self))
        return self._batches()

    def _batches(self) -> Iterator[Batch]:
        while self.position.batch < len(self):
            first = self.position.batch * self.batch_size
            chosen = self._epoch_order(self.position.epoch)[first : first + self.batch_size]
            self.position.advance()
            yield self.batch(self.pairs[chosen])

    def batch(self, pairs: Integer[np.ndarray, "B 2"]) -> Batch:
        """The batch of these windows."""
        sizes = (self.look_back, self.horizon)
        cut = self.store.cut(pairs[:, 0], pairs[:, 1], *sizes, self.normalisation, self.season)
        return Batch(Chunk(cut.window), cut.targets, mask=None if bool(cut.mask.all()) else cut.mask)

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(len(self.pairs))
        if epoch != self._order_epoch:
            self._order = np.random.default_rng((self.seed, epoch)).permutation(len(self.pairs))
            self._order_epoch = epoch
        return self._order

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.position.load_state_dict(state, len(self))


def window_pairs(
    store: SeriesStore, spans: list[tuple[int, int]], look_back: int, horizon: int, stride: int = 1
) -> Integer[np.ndarray, "n 2"]:
    """The windows whose horizon lies within a span of their series: series and origin of each.

    A history may reach back before the span. In the first span of a series it is whole wherever the span is long
    enough; a series that is shorter than a window still gives the one whose horizon ends the span, its history padded,
    if one step of it is left. A window without any observed target is left out.
    """
    pairs = []
    for series, (start, stop) in enumerate(spans):
        last = stop - horizon
        first = start if start > 0 else max(min(look_back, last), 1)
        origins = np.arange(last, first - 1, -stride)[::-1] if last >= first else np.arange(0)
        origins = store.with_observed_target(series, origins, horizon)
        pairs.append(np.stack([np.full_like(origins, series), origins], 1))
    return np.concatenate(pairs).astype(np.int64)
