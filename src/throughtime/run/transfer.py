"""Transfer of weights from another run into a new one (`init_from=RUN`)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data.base import DataModule
from throughtime.errors import UserError
from throughtime.run.build import restore_task
from throughtime.run.checkpoint import find_checkpoint, read_checkpoint
from throughtime.task.base import Task
from throughtime.task.symbol_axis import SymbolAxis

MAX_NAMES = 6
"""The most names that a message lists for each kind of mismatch."""


@dataclass
class Transfer:
    """The weights that a run took from another, and those that it did not.

    Attributes:
        run: the folder or checkpoint that the user named, `checkpoint` the file that was read, with its SHA-256.
        whole: the weights that were copied as they are.
        by_symbol: of the weights that were copied symbol by symbol, the share of symbols that both have: "61 of 65".
        missing: weights that only the new run has; they keep their initial values.
        unexpected: weights that only the other run has; they are not used.
        different: weights of another shape, with both shapes.
    """

    run: str
    checkpoint: Path
    sha256: str
    whole: list[str] = field(default_factory=list)
    by_symbol: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        taken = len(self.whole) + len(self.by_symbol)
        total = taken + len(self.missing) + len(self.different)
        lines = [f"starts from {self.run}: {taken} of {total} weights"]
        lines += [f"  by symbol: {name}, {share}" for name, share in self.by_symbol.items()]
        for what, names in (
            ("not there, newly initialised", self.missing),
            ("other shape, newly initialised", self.different),
            ("not here, left out", self.unexpected),
        ):
            lines += [f"  {what}: {name}" for name in names[:MAX_NAMES]]
            if len(names) > MAX_NAMES:
                lines.append(f"  {what}: {len(names) - MAX_NAMES} more")
        return "\n".join(lines)

    def origin(self) -> dict[str, Any]:
        """The entry of environment.json."""
        taken = len(self.whole) + len(self.by_symbol)
        return {"checkpoint": str(self.checkpoint.resolve()), "sha256": self.sha256, "weights": taken}


def take_weights(task: Task, data: DataModule, path: str | None) -> Transfer | None:
    """Give a new task the weights of another run, as far as they fit.

    Weights whose rows stand for symbols (characters, words, tags) are taken symbol by symbol, wherever a symbol
    stands in either vocabulary; those of symbols that are new stay as they are. Other weights are taken where
    their shapes agree. Pretrained vectors, where the data bring any, are left to the words that are new.

    Args:
        task: the new task; its weights are changed in place.
        data: its data.
        path: the folder of a run, or a checkpoint; None to leave the task as it is.

    Raises:
        UserError: there is no checkpoint, it cannot be trusted, or no weight of it fits.
    """
    if not path:
        return None
    source, checkpoint = _restore(path)
    checksum = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    transfer = Transfer(path, checkpoint, checksum)
    theirs, axes, their_axes = source.state_dict(), task.symbol_axes(), source.symbol_axes()
    seen: set[int] = set()
    for name, weight in task.state_dict().items():
        if weight.numel() and weight.data_ptr() in seen:  # tied: it has been taken under its first name
            continue
        seen.add(weight.data_ptr())
        if name not in theirs:
            transfer.missing.append(name)
        else:
            _take(name, weight, theirs[name], axes.get(name, ()), their_axes.get(name, ()), transfer)
    transfer.unexpected = [name for name in theirs if name not in task.state_dict()]
    if not transfer.whole and not transfer.by_symbol:
        raise UserError(
            f"init_from={path}: none of its weights fits this model; is it a run of the same task?"
        )
    _leave_vectors_to_new_words(task, source, data)
    return transfer


def _restore(path: str) -> tuple[Task, Path]:
    """The trained task of a run or a checkpoint, and the file it was read from."""
    try:
        checkpoint = find_checkpoint(path)
        return restore_task(read_checkpoint(checkpoint), checkpoint), checkpoint
    except UserError as error:
        sentence = str(error).removeprefix(f"RUN={path}: ").removeprefix(f"{path}: ")
        raise UserError(f"init_from={path}: {sentence}") from error


def _take(
    name: str,
    weight: Tensor,
    theirs: Tensor,
    axes: Sequence[SymbolAxis],
    their_axes: Sequence[SymbolAxis],
    transfer: Transfer,
) -> None:
    """Take one weight into the new run's, or note why not."""
    mapped = len(axes)
    alike = [one.kind for one in axes] == [one.kind for one in their_axes]
    if not alike or weight.shape[mapped:] != theirs.shape[mapped:] or weight.dim() != theirs.dim():
        transfer.different.append(f"{name} {list(weight.shape)}, there {list(theirs.shape)}")
        return
    if not mapped:
        weight.copy_(theirs)
        transfer.whole.append(name)
        return
    places = [one.common(other) for one, other in zip(axes, their_axes, strict=True)]
    if not all(len(here) for here, _ in places):
        transfer.different.append(f"{name}, no {axes[0].kind} in common")
        return
    here, there = (torch.meshgrid(*(pair[side] for pair in places), indexing="ij") for side in (0, 1))
    weight[here] = theirs[there].to(weight)
    shares = [
        f"{len(pair[0])} of {len(one.symbols)} {one.kind}" for one, pair in zip(axes, places, strict=True)
    ]
    transfer.by_symbol[name] = " by ".join(shares)


def _leave_vectors_to_new_words(task: Task, source: Task, data: DataModule) -> None:
    """A row of NaN among pretrained vectors leaves its word as it is."""
    for name, vectors in data.pretrained().items():
        axes, their_axes = task.symbol_axes().get(name), source.symbol_axes().get(name)
        if axes and their_axes:
            vectors[axes[0].common(their_axes[0])[0]] = torch.nan
