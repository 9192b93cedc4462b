"""Datasets of plugins with every promise checked as a study uses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cached_property

from rateval.api.protocols import Dataset, Split
from rateval.api.values import Sample, Skipped
from rateval.data.faults import find_fault, is_label
from rateval.data.groups import Groups, find_group_fault, list_groups
from rateval.data.looking_ahead import look_ahead
from rateval.errors import PluginError, naming
from rateval.wording import describe, list_some


class CheckedDataset:
    """A dataset whose classes and splits are checked when it is made, samples when they are read.

    ``name`` says which one it is, and of which plugin. Raises PluginError, with the sample, what
    was got and what is allowed. With ``equal_names`` classes may share a name, as published ones
    do. ``made_by`` is added to the identities of its splits.
    """

    def __init__(
        self, dataset: Dataset, name: str, *, equal_names: bool = False, made_by: str = ""
    ) -> None:
        self._dataset, self._name, self._made_by = dataset, name, made_by
        with naming(f"{name}: its classes", "dataset"):
            self.classes = tuple(dataset.classes)
        _check_classes(self.classes, dataset.classes, name, equal_names)
        self.wordings = _check_wordings(dataset, self.classes, name)
        with naming(f"{name}: its has_masks", "dataset"):
            self.has_masks = bool(dataset.has_masks)

    @cached_property
    def test(self) -> CheckedSplit:
        """What is predicted."""
        with naming(f"{self._name}: its test split", "dataset"):
            split = self._dataset.test
        return self._check(split, "test")

    @cached_property
    def train(self) -> CheckedSplit | None:
        """What to train on, or None."""
        with naming(f"{self._name}: its training split", "dataset"):
            split = self._dataset.train
        return None if split is None else self._check(split, "training")

    def _check(self, split: Split, which: str) -> CheckedSplit:
        checked = CheckedSplit(split, f"{self._name}: its {which} split", len(self.classes))
        if self._made_by:
            checked.identity = f"{checked.identity} made by {self._made_by}"
        return checked


class CheckedSplit:
    """A split whose samples are checked as they are read, and its list of them at once."""

    def __init__(self, whole: Split, name: str, classes: int) -> None:
        self._whole, self.name, self._classes = whole, name, classes
        with naming(name, "dataset"):
            self.identity = whole.identity
            self._length = len(whole)
            self.ids: Sequence[str] | None = getattr(whole, "ids", None)
            self.labels: Sequence[int] | None = getattr(whole, "labels", None)
            self.groups: Groups = list_groups(whole)
            self.at_once: int = getattr(whole, "at_once", 1)
        if not isinstance(self.identity, str) or not self.identity.strip():
            raise self._fault("have an identity, text that is not empty", repr(self.identity))
        if type(self.at_once) is not int or self.at_once < 1:
            asked = "say by at_once how many samples to ask for at once, a whole number from 1"
            raise self._fault(asked, describe(self.at_once))
        if self.ids is not None or self.labels is not None:
            self._check_list()
        fault = find_group_fault(self.groups, self._length)
        if fault is not None:
            raise self._fault(*fault)
        self._seen: dict[str, int] = {}
        """Id to position of what was read, where there is no list that says it."""
        self._narrowed: dict[Hashable, Split] = {}

    def __len__(self) -> int:
        return self._length

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Tell the split which samples will be asked for soon."""
        with naming(f"{self.name}: look_ahead()", "dataset"):
            look_ahead(self._whole, indices)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Return the samples at ``indices``, each as its protocol has it."""
        with naming(f"{self.name}: samples(){self._tell_which(indices)}", "dataset"):
            found = list(self._whole.samples(indices))
        if len(found) != len(indices):
            got = f"{len(found)} for {len(indices)} indices"
            raise self._fault("return one sample for each index", got)
        return [self._check(int(at), sample) for at, sample in zip(indices, found, strict=True)]

    def remember(self, rule: Hashable, narrow: Callable[[], Split]) -> Split:
        """Return what ``narrow`` makes of this split, which is done once for each ``rule``."""
        if rule not in self._narrowed:
            self._narrowed[rule] = narrow()
        return self._narrowed[rule]

    def _tell_which(self, indices: Sequence[int]) -> str:
        if len(indices) != 1:
            return ""
        at = int(indices[0])
        known = self.ids is not None and 0 <= at < self._length
        return f' of sample "{self.ids[at]}"' if known and self.ids else f" at position {at}"

    def _check(self, at: int, sample: Sample | Skipped) -> Sample | Skipped:
        fault = find_fault(sample, self._classes)
        if fault is not None:
            raise self._fault(*fault, sample)
        if self.ids is not None and sample.id != self.ids[at]:
            raise self._fault(f"have the id that is listed, {self.ids[at]!r}", sample.id, sample)
        if self.ids is None and self._seen.setdefault(sample.id, at) != at:
            # Threads come in any order.
            first, second = sorted((self._seen[sample.id], at))
            got = f"that of positions {first} and {second}"
            raise self._fault("have an id of its own", got, sample)
        if isinstance(sample, Skipped):
            return sample
        if self.labels is not None and sample.label != self.labels[at]:
            wanted = f"have the label that is listed, {self.labels[at]}"
            raise self._fault(wanted, str(sample.label), sample)
        return sample if type(sample.label) is int else replace(sample, label=int(sample.label))

    def _check_list(self) -> None:
        for what, values in (("ids", self.ids), ("labels", self.labels)):
            if values is not None and len(values) != self._length:
                raise self._fault(f"list as many {what} as samples", f"{len(values)}")
        ids, labels = (() if listed is None else listed for listed in (self.ids, self.labels))
        twice = [name for name, count in Counter(ids).items() if count > 1]
        if twice:
            raise self._fault("list ids that are unique", f"twice {list_some(map(repr, twice))}")
        # Distinct ones first: there are a thousand times as many samples.
        wrong = [str(label) for label in dict.fromkeys(labels) if not self._knows(label)]
        if wrong:
            raise self._fault(f"list labels in [0, {self._classes})", list_some(wrong))

    def _knows(self, label: object) -> bool:
        return is_label(label, self._classes)

    def _fault(self, asked: str, got: object, sample: object = None) -> PluginError:
        name = getattr(sample, "id", None)
        which = f', sample "{name}",' if isinstance(name, str) else ""
        return PluginError(f"{self.name}{which} must {asked}; got {got}", kind="dataset")


def _check_classes(
    classes: tuple[object, ...], given: object, name: str, equal_names: bool
) -> None:
    asked = "have a tuple of different names as classes, at least one"
    if isinstance(given, str) or not classes:
        raise PluginError(f"{name} must {asked}; got {describe(given)}", kind="dataset")
    odd = [describe(one) for one in classes if not isinstance(one, str) or not one.strip()]
    counts = Counter(map(str, classes))
    odd += [
        f'"{one}" {count} times' for one, count in counts.items() if count > 1 and not equal_names
    ]
    if odd:
        raise PluginError(f"{name} must {asked}; got {list_some(odd)}", kind="dataset")


def _check_wordings(
    dataset: Dataset, classes: tuple[str, ...], name: str
) -> tuple[tuple[str, ...], ...]:
    """Return what each class is called in a text; where the dataset doesn't say, its name."""
    with naming(f"{name}: its wordings", "dataset"):
        given: object = getattr(dataset, "wordings", None)
    if given is None:
        return tuple((one,) for one in classes)
    sound = isinstance(given, tuple) and all(
        isinstance(one, tuple)
        and one
        and all(isinstance(word, str) and word.strip() for word in one)
        for one in given
    )
    if not sound or len(given) != len(classes):  # type: ignore[arg-type]  # a tuple
        asked = f"have as wordings a tuple of texts for each of {len(classes)} classes"
        raise PluginError(f"{name} must {asked}; got {describe(given)}", kind="dataset")
    return given  # type: ignore[return-value]  # looked at above
