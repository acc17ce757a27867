"""`DataModule`: the base class of all data sets."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, final

from lightning import LightningDataModule
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.errors import UserError
from throughtime.tokenizer.base import Tokenizer


class DataPart:
    """A part of a data module that a configuration may name, such as a file format or a source of series."""


class DataModule(LightningDataModule, ABC):
    """Data that are read, split, turned into numbers, and loaded in batches.

    The order of calls is `connect` (text only), `restore` (where a trained model brings what was fitted), `setup`, and
    then all others. A data set of one's own is a subclass with the abstract methods below and one YAML in `conf/data`
    (or in a folder of one's own).

    Attributes:
        kind: what the data are; a task is trained on the data whose kind is its own.
        unit: the name of one target in `speed/<unit>_per_second`: tokens, points, frames, ...
    """

    kind: ClassVar[str]
    unit: ClassVar[str] = "tokens"

    def paths(self) -> dict[str, str | None]:
        """The file, folder or glob under each key of the configuration that may name one, such as `data.path`.

        None where the user names none; empty for data that come from no file.
        """
        return {}

    def connect(self, tokenizer: Tokenizer) -> None:
        """Take the tokenizer that `setup` is to fit and use.

        Raises:
            UserError: the data are not tokenized text.
        """
        raise UserError("these data are not tokenized text; leave tokenizer= out")

    @abstractmethod
    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take what another run fitted (its `artifacts()`), so that `setup` fits nothing."""

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Read, split and fit; called for every stage, done once."""

    @abstractmethod
    def artifacts(self) -> dict[str, Any]:
        """All that a model and a task need of the data, in plain containers; a checkpoint keeps it.

        `input_sizes` are the sizes that the model takes as arguments, `output_sizes` those that the head takes.
        """

    @abstractmethod
    def loader(self, split: str) -> Iterable[Batch] | None:
        """The batches of `train`, `val` or `test`, in a list or anything that can be iterated over again and again.

        None where there is no such split.

        The training loader is the same object in every call. Where it has `state_dict` and `load_state_dict`, a
        resumed run continues at the batch after the last one of the run before.
        """

    @abstractmethod
    def describe(self) -> str:
        """The origin of the data in a few words."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """The identity of the data in plain values: sources, hashes, sizes."""

    @property
    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """The number of targets (in `unit`), or of sequences, of each split."""

    def pretrained(self) -> dict[str, Tensor]:
        """Weights that the data bring, such as word vectors, by the name of the task's parameter that takes them.

        A row of NaN leaves the parameter's row as it is.
        """
        return {}

    @final
    def train_dataloader(self) -> Iterable[Batch]:
        """The training batches; an empty list where there is no such split."""
        return self._dataloader("train")

    @final
    def val_dataloader(self) -> Iterable[Batch]:
        """The validation batches; an empty list where there is no such split."""
        return self._dataloader("val")

    @final
    def test_dataloader(self) -> Iterable[Batch]:
        """The test batches; an empty list where there is no such split."""
        return self._dataloader("test")

    def _dataloader(self, split: str) -> Iterable[Batch]:
        loader = self.loader(split)
        if loader is None:
            return []
        if isinstance(loader, list | tuple) and not isinstance(loader, Batch):
            return BatchList(loader)
        if isinstance(loader, Iterator | Batch) or not isinstance(loader, Iterable):
            raise UserError(
                f"{type(self).__name__}.loader({split!r}) gives {_kind_of(loader)}; it must give batches that can be "
                "iterated over anew in each epoch, such as a list of throughtime.data.Batch"
            )
        return loader


class BatchList:
    """Batches in the order of a list, which Lightning would take for several loaders.

    Args:
        batches: the list.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


def _kind_of(loader: object) -> str:
    name = type(loader).__name__
    return f"a {name}, which is empty after one epoch" if isinstance(loader, Iterator) else f"a {name}"
