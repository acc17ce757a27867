"""Splits of labelled sequences: stratified by class, by group, ready, or one of k folds.

Every sequence is in one part. A class has about the same share in each part; with groups, no group is in two parts.
All follow from the seed of the split alone, which is not that of the weights: runs with other seeds are measured on
the same sequences.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.labelled.sequences import Label, SequenceSet
from throughtime.errors import UserError

Parts = dict[str, Integer[np.ndarray, " n"]]


def split_sequences(
    found: SequenceSet,
    fractions: Sequence[float],
    by_group: bool = False,
    folds: int | None = None,
    fold: int = 0,
    seed: int = 1,
    resample: int = 0,
) -> Parts:
    """The numbers of the sequences of each part, in increasing order.

    With folds, the test part is fold number `fold`, whatever usual split the data have. Else a usual split is taken
    as it is; where it has no validation part, that is taken out of the training part. Else all is split by fractions.

    Args:
        found: the sequences.
        fractions: for training, validation and test; 0 for none.
        by_group: whether all sequences of a group are in one part.
        folds: k; None for a single split.
        fold: from 0 to k - 1.
        seed: of the random order.
        resample: which resample of a usual split (`resampled`); 0 for the split itself.

    Raises:
        UserError: a class, or the groups, are too few for the parts; a label is in no training sequence; there are no
            groups.
    """
    if by_group and found.groups is None:
        raise UserError(
            "data.group: these data do not say to which group a sequence belongs; set data.group=false"
        )
    if resample and (found.split is None or folds is not None or by_group):
        raise UserError(
            f"data.resample={resample} needs data with a usual split, data.folds=null and data.group=false; set "
            "data.resample=0"
        )
    divider = _Divider(found, by_group, seed)
    everything = np.arange(len(found))
    train, val, test = fractions
    if folds is not None:
        if not folds >= 2 or not 0 <= fold < folds:
            raise UserError(
                f"data.fold={fold} of data.folds={folds}: give at least 2 folds, and a fold from 0 to one less"
            )
        parts = divider.folds(everything, folds)
        rest = np.sort(np.concatenate([part for number, part in enumerate(parts) if number != fold]))
        named = _named(divider, rest, {"train": train, "val": val}) | {"test": parts[fold]}
    elif found.split is not None:
        given = np.array(resampled(found, resample))
        named = {name: np.flatnonzero(given == name) for name in SPLIT_NAMES if (given == name).any()}
        if "train" in named and "val" not in named and val > 0:
            named |= _named(divider, named["train"], {"train": train, "val": val})
    else:
        named = _named(divider, everything, {"train": train, "val": val, "test": test})
    _check_labels(found, named)
    return {name: np.sort(named[name]) for name in SPLIT_NAMES if name in named}


def resampled(found: SequenceSet, resample: int) -> list[str]:
    """The part of each sequence in a stratified resample of the training and the test part; 0 is the usual split.

    Each part keeps its size, and its number of every class. sktime's `stratified_resample` draws the same with the same
    number; published means of the archives are over 0 to 29.

    Raises:
        UserError: a negative number, or one class a sequence is not what the data have.
    """
    if resample == 0:
        return list(found.split)
    if resample < 0 or found.multilabel:
        raise UserError(
            f"data.resample={resample} must be a number from 0 (the usual split) on, of data with one class a sequence"
        )
    parts = np.array(found.split, dtype=object)
    pool = np.concatenate([np.flatnonzero(parts == name) for name in ("train", "test")])
    labels = np.array(found.labels, dtype=object).astype(str)[pool]
    training = parts[pool] == "train"
    generator = np.random.RandomState(resample)
    for name in np.unique(labels):
        members = np.flatnonzero(labels == name)
        count = int(training[members].sum())
        generator.shuffle(members)
        parts[pool[members[:count]]] = "train"
        parts[pool[members[count:]]] = "test"
    return parts.tolist()


def label_names(label: Label) -> tuple[str, ...]:
    """All labels that a sequence has."""
    return () if label is None else label if isinstance(label, tuple) else (label,)


class _Divider:
    """Division of sequences into parts, with about the same share of each class in every part."""

    def __init__(self, found: SequenceSet, by_group: bool, seed: int) -> None:
        self.generator = np.random.default_rng((seed, len(found)))
        self.multilabel = found.multilabel
        keys = [" + ".join(sorted(label_names(label))) for label in found.labels]
        self.classes, self.strata = np.unique(np.array(keys, dtype=object).astype(str), return_inverse=True)
        self.groups = None
        if by_group:
            _, self.groups = np.unique(np.array(found.groups), return_inverse=True)

    def by_fractions(self, members: np.ndarray, fractions: Sequence[float]) -> list[np.ndarray]:
        """Parts of these fractions of the members, none of them empty."""
        if self.groups is not None:
            return self._groups_into(members, fractions)
        parts: list[list[int]] = [[] for _ in fractions]
        for stratum, own in self._strata_of(members, len(fractions)):
            counts = _apportion(len(own), fractions, least=0 if stratum is None else 1)
            for part, cut in zip(parts, np.split(own, np.cumsum(counts)[:-1]), strict=True):
                part.extend(cut)
        return [np.array(part, dtype=np.int64) for part in parts]

    def folds(self, members: np.ndarray, count: int) -> list[np.ndarray]:
        """Parts of about equal size."""
        if self.groups is not None:
            return self._groups_into(members, [1 / count] * count)
        dealt = [own for _, own in self._strata_of(members, count)]
        order = np.concatenate(dealt)
        return [np.sort(order[number::count]) for number in range(count)]

    def _strata_of(self, members: np.ndarray, parts: int) -> list[tuple[int | None, np.ndarray]]:
        """The members of each class in a random order.

        Of several labels at once, combinations that are too rare for the parts are one stratum, None.
        """
        found: list[tuple[int | None, np.ndarray]] = []
        rare: list[np.ndarray] = []
        for stratum, name in enumerate(self.classes):
            own = self.generator.permutation(members[self.strata[members] == stratum])
            if len(own) >= parts:
                found.append((stratum, own))
            elif self.multilabel:
                rare.append(own)
            elif len(own):
                raise UserError(
                    f"the class {name} has {_counted(len(own), 'sequence')}, too few for {parts} parts; give it at "
                    f"least {parts}, leave the class out, or make fewer parts (data.split, data.folds)"
                )
        if rare:
            found.append((None, self.generator.permutation(np.concatenate(rare))))
        return found

    def _groups_into(self, members: np.ndarray, fractions: Sequence[float]) -> list[np.ndarray]:
        """Whole groups to each part: the largest first, each to the part that lacks its classes most."""
        numbers = np.unique(self.groups[members])
        if len(numbers) < len(fractions):
            raise UserError(
                f"the data have {_counted(len(numbers), 'group')}, too few for {len(fractions)} parts that share "
                "none; make fewer parts (data.split, data.folds), or set data.group=false"
            )
        counts = np.zeros((len(numbers), len(self.classes)))
        places = np.searchsorted(numbers, self.groups[members])
        np.add.at(counts, (places, self.strata[members]), 1)
        totals = np.maximum(counts.sum(0), 1)
        wanted = np.asarray(fractions)[:, None] * totals
        held = np.zeros_like(wanted)
        chosen: list[list[int]] = [[] for _ in fractions]
        order = self.generator.permutation(len(numbers))
        order = order[np.argsort(-counts.sum(1)[order], kind="stable")]
        for place, group in enumerate(order):
            empty = [part for part, own in enumerate(chosen) if not own]
            lack = ((counts[group] / totals) * (1 - held / wanted)).sum(1)
            open_parts = empty if len(empty) == len(order) - place else range(len(chosen))
            best = max(open_parts, key=lambda part: lack[part])
            chosen[best].append(group)
            held[best] += counts[group]
        return [members[np.isin(places, own)] for own in chosen]


def _named(divider: _Divider, members: np.ndarray, fractions: dict[str, float]) -> Parts:
    """The parts with a fraction above 0, by their names."""
    taken = {name: fraction for name, fraction in fractions.items() if fraction > 0}
    shares = [fraction / sum(taken.values()) for fraction in taken.values()]
    return dict(zip(taken, divider.by_fractions(members, shares), strict=True))


def _apportion(count: int, fractions: Sequence[float], least: int) -> Integer[np.ndarray, " P"]:
    """Numbers that add up to `count`, nearest to the fractions (largest remainders), each at least `least`."""
    exact = count * np.asarray(fractions)
    counts = np.floor(exact + 1e-9).astype(np.int64)
    for part in np.argsort(-(exact - counts), kind="stable")[: count - counts.sum()]:
        counts[part] += 1
    while counts.min() < least:
        counts[counts.argmax()] -= 1
        counts[counts.argmin()] += 1
    return counts


def _check_labels(found: SequenceSet, parts: Parts) -> None:
    """Raise `UserError` for a label of another part that no training sequence has."""
    if "train" not in parts:
        return
    known = {name for number in parts["train"] for name in label_names(found.labels[number])}
    for part in ("val", "test"):
        for number in parts.get(part, ()):
            for name in label_names(found.labels[number]):
                if name not in known:
                    raise UserError(
                        f"{found.names[number]}: the label {name} is in the {part} part but on no training "
                        "sequence; add training sequences of it, or leave it out"
                    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
