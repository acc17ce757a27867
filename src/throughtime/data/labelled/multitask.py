"""`MultitaskData`: labelled sequences of several tasks, each with classes of its own, with one vocabulary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.labelled.batches import lengths_of
from throughtime.data.labelled.data import FEW, LabelledData, label_order
from throughtime.data.labelled.sequences import SequenceSet, SequenceSource, joined
from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.labelled.splits import Parts
from throughtime.data.labelled.task_buckets import SAMPLINGS, TaskBuckets
from throughtime.errors import UserError, check_choice

LEARNED = ("name", "tokenizer", "labels")
"""Entries of a source's state that are no arguments."""


class MultitaskData(LabelledData):
    """Several sets of sequences of symbols, each a task with classes of its own; a batch has sequences of one task.

    The vocabulary is made of the training parts of all tasks. A model reads ids of pairs of a task and a symbol,
    task · V + symbol, so that the task of every step is known wherever an id is; classes are numbered over all tasks,
    and named `task/class`.

    Args:
        source: reads the sequences.
        path: a file, a folder or a glob of each task, by the task's name; with restored labels and `task`, one path.
        train_path, val_path, test_path: ready splits by the task's name, instead of `path`.
        task: the one task that is trained and measured, as in fine-tuning; None for all. Vocabulary and classes are
            those of all tasks in either case.
        sources: arguments of the source that differ for one task, by the task's name.
        sampling: of training batches: `equal` for about as many of each task, `proportional` to their sequences.
        settings: as of `LabelledData`; each task is split by itself.

    Raises:
        UserError: an argument is not known.
    """

    def __init__(
        self,
        source: SequenceSource,
        path: Mapping[str, str] | str | None = None,
        train_path: Mapping[str, str] | str | None = None,
        val_path: Mapping[str, str] | str | None = None,
        test_path: Mapping[str, str] | str | None = None,
        task: str | None = None,
        sources: Mapping[str, Any] | None = None,
        sampling: str = "equal",
        **settings: Any,
    ) -> None:
        super().__init__(source, **settings)
        check_choice(SAMPLINGS, **{"data.sampling": sampling})
        self._settings = settings
        self._places = {"path": path, "train_path": train_path, "val_path": val_path, "test_path": test_path}
        self.task = task
        self.sources = dict(sources or {})
        self.sampling = sampling
        self._label_sets: dict[str, list[str]] = {}
        self._task_numbers = np.zeros(0, dtype=np.int64)
        self._symbols = 0

    def paths(self) -> dict[str, str | None]:
        found: dict[str, str | None] = dict(self.source.paths())
        for key, places in self._places.items():
            if isinstance(places, Mapping):
                found |= {f"data.{key}.{name}": place for name, place in places.items()}
            else:
                found[f"data.{key}"] = places
        return found

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take vocabulary and classes of a trained task instead of fitting them in `setup`."""
        super().restore(artifacts)
        self._label_sets = {one["name"]: list(one["labels"]) for one in artifacts["tasks"]}

    def _prepared(self) -> tuple[SequenceSet, Parts]:
        """The sequences of all tasks, and the numbers of those of each part that are of the chosen tasks."""
        places = self._places_by_task()
        names = list(self._label_sets) or list(places)
        sets, tasks, parts, start = [], [], {}, 0
        for name, own in places.items():
            found, divided = self._one_task(name, own)
            numbers = np.full(len(found), names.index(name))
            for part, members in divided.items():
                parts.setdefault(part, []).append(members + start)
            labels = [f"{name}/{label}" for label in found.labels]
            sets.append(replace(found, labels=labels, groups=None, split=None))
            tasks.append(numbers)
            start += len(found)
        self._task_numbers = np.concatenate(tasks)
        whole = {part: np.concatenate(parts[part]) for part in SPLIT_NAMES if part in parts}
        found = self.source.encoded(joined(sets), whole.get("train", np.zeros(0, dtype=np.int64)).tolist())
        if found.symbols is None:
            raise UserError(
                "tasks share a vocabulary, and these sequences are numbers; give text or other symbols"
            )
        if not self._label_sets:
            self._label_sets = {name: _classes(name, found, whole) for name in names}
        self._symbols = len(found.symbols)
        found = replace(
            found,
            sequences=[
                sequence + number * self._symbols
                for sequence, number in zip(found.sequences, self._task_numbers, strict=True)
            ],
            symbols=tuple(found.symbols) * len(names),
        )
        if self.task is not None:
            chosen = self._task_numbers == names.index(self.task)
            whole = {part: members[chosen[members]] for part, members in whole.items()}
        return found, {part: members for part, members in whole.items() if len(members)}

    def _places_by_task(self) -> dict[str, dict[str, str]]:
        """The paths of each task by their keys.

        Raises:
            UserError: there is one task at most, or a name is no name or is not one of the tasks.
        """
        found: dict[str, dict[str, str]] = {}
        for key, places in self._places.items():
            if isinstance(places, str):
                if self._label_sets and self.task is None:
                    raise UserError(
                        f"{places} can be of any of the tasks {', '.join(self._label_sets)}, which this run has "
                        "learned together; name a run of one of them (data.task)"
                    )
                if not self._label_sets:
                    raise UserError(
                        f"data.{key}={places} names no task; give a path for each: "
                        f"'data.{key}={{films: films.txt, products: products.txt}}'"
                    )
                places = {self.task: places}
            for name, place in (places or {}).items():
                if place is not None:
                    found.setdefault(str(name), {})[key] = str(place)
        for name in found:
            if not name or not name.replace("_", "").replace("-", "").isalnum():
                raise UserError(
                    f"data.path: the task {name} must have a name of letters, digits, - and _, as metrics have it too"
                )
        known = list(self._label_sets) or list(found)
        if len(known) < 2:
            only = f"is one task, {known[0]}" if known else "is no task"
            raise UserError(
                f"there {only}, and several are needed: 'data.path={{films: films.txt, products: products.txt}}'; "
                "a single one needs data of one task"
            )
        for key, names in (
            ("task", [self.task] if self.task is not None else []),
            ("sources", self.sources),
            ("path", found),
        ):
            unknown = next((name for name in names if name not in known), None)
            if unknown is not None:
                raise UserError(
                    f"data.{key}: {unknown} is none of the tasks, which are {', '.join(known[:FEW])}"
                )
        return found

    def _one_task(self, name: str, places: Mapping[str, str]) -> tuple[SequenceSet, Parts]:
        """The sequences of one task as they were read, and the numbers of those of each part."""
        single = LabelledData(self._source_of(name), **places, **self._settings)
        if isinstance(self.group, str):
            single.source.group_by(self.group)
        try:
            found, parts = single.divided()
        except UserError as error:
            raise UserError(f"task {name}: {error}") from error
        if found.multilabel:
            raise UserError(
                f"task {name}: several labels hold at once; tasks that are learned together have one class a sequence"
            )
        return found, parts

    def _source_of(self, name: str) -> SequenceSource:
        given = self.sources.get(name) or {}
        state = source_state(self.source)
        arguments = [argument for argument in state if argument not in LEARNED]
        if not isinstance(given, Mapping) or any(argument not in arguments for argument in given):
            wrong = (
                next((one for one in given if one not in arguments), None)
                if isinstance(given, Mapping)
                else given
            )
            raise UserError(
                f"data.sources.{name}: {wrong} is no argument of the source; it takes {', '.join(arguments)}"
            )
        return source_from_state(state | dict(given))

    def _fit(self, found: SequenceSet) -> None:
        if "train" not in self._parts:
            raise UserError("there is nothing to learn classes from; give data.path or data.train_path")
        self.labels = [f"{name}/{label}" for name, labels in self._label_sets.items() for label in labels]
        self.standardiser = self._fitted_standardiser(found)

    def _buckets(self, sequences: Sequence[np.ndarray], batch_size: int, shuffle: bool) -> TaskBuckets:
        tasks = np.array([sequence[0] // self._symbols for sequence in sequences])
        return TaskBuckets(
            lengths_of(sequences), tasks, batch_size, shuffle, self.seed, self.chunk_length, self.sampling
        )

    def artifacts(self) -> dict[str, Any]:
        """Those of `LabelledData`, and of each task its name, its classes and what its source reads otherwise."""
        found = super().artifacts()
        found["input_sizes"]["tasks"] = len(self._label_sets)
        found["output_sizes"]["label_sets"] = list(map(len, self._label_sets.values()))
        found["tasks"] = [
            {"name": name, "labels": list(labels), "source": dict(self.sources.get(name) or {})}
            for name, labels in self._label_sets.items()
        ]
        return found

    def describe(self) -> str:
        names = list(self._label_sets)
        counts = Counter(names[number] for number in self._task_numbers.tolist())
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        chosen = "" if self.task is None else f", of them {self.task} alone"
        return f"{len(counts)} tasks ({listed}){chosen}, {self._symbols:,} tokens"


def _classes(name: str, found: SequenceSet, parts: Parts) -> list[str]:
    """The classes of a task in training."""
    prefix = f"{name}/"
    labels = [found.labels[number] for number in parts.get("train", ())]
    names = {label.removeprefix(prefix) for label in labels if label.startswith(prefix)}
    own = sorted(names, key=label_order(names))
    if len(own) < 2:
        one = f"only one class, {own[0]}" if own else "no class"
        raise UserError(f"task {name}: the training part has {one}; at least 2 are needed")
    return own
