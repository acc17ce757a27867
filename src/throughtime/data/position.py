"""Position of a loader: its epoch, and the next batch in it."""

from typing import Any

from throughtime.errors import UserError


class Position:
    """The epoch and the next batch of a loader, which a checkpoint keeps.

    A loader calls `begin` in its `__iter__` and `advance` before it yields a batch, so that the position
    saved during a training step is that of the next batch. Starting to iterate twice, with no batch in
    between, starts one epoch and not two (Lightning does that where it resumes).

    Attributes:
        epoch: the current epoch, from 0.
        batch: the next batch of it, from 0.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.batch = 0
        self._resuming = False

    def begin(self, batches: int) -> None:
        """Start an epoch of `batches` batches, or continue the one that was loaded."""
        if self.batch >= batches or (self.batch > 0 and not self._resuming):
            self.epoch, self.batch = self.epoch + 1, 0

    def advance(self) -> None:
        """Count one more batch as handed out."""
        self.batch += 1
        self._resuming = False

    def state_dict(self, batches: int) -> dict[str, Any]:
        """The position in an epoch of `batches` batches."""
        return {"epoch": self.epoch, "batch": self.batch, "batches": batches}

    def load_state_dict(self, state: dict[str, Any], batches: int) -> None:
        """Take the position of a state; the next `begin` continues there.

        Raises:
            UserError: the epoch had another number of batches, so that the position would mean other data.
        """
        if state["batches"] != batches:
            raise UserError(
                f"the checkpoint was written in an epoch of {state['batches']} batches, but these data make "
                f"{batches}; resume with the data, data.batch_size and data.chunk_length of that run"
            )
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._resuming = True
