"""Shifts of plugins with every promise checked as a study uses them."""

from __future__ import annotations

from rateval.api.protocols import Shift, Split
from rateval.api.shifts import ShiftAmong
from rateval.api.values import Sample, Skipped
from rateval.data.faults import find_fault
from rateval.errors import PluginError, naming
from rateval.wording import describe


class CheckedShift:
    """A shift whose results are checked: well formed, and the same sample but for its pixels."""

    def __init__(self, shift: Shift, name: str) -> None:
        self._shift, self._name = shift, name
        self._among: list[tuple[Split, CheckedShift]] = []
        """Whole splits that were asked for, with the shift as it acts on their samples."""

    def among(self, split: Split) -> CheckedShift:
        """Return the shift as it acts on the samples of a whole split, made once for each.

        It is the shift itself where it takes nothing of other samples. Raises PluginError where
        what it gives is no shift.
        """
        if not isinstance(self._shift, ShiftAmong):
            return self
        for known, made in self._among:
            if known is split:
                return made
        where = f"{self._name}: among()"
        with naming(where, "shift"):
            found = self._shift.among(split)
        if not callable(getattr(found, "apply", None)):
            raise PluginError(f"{where} must return a shift; got {describe(found)}", kind="shift")
        made = CheckedShift(found, self._name)
        self._among.append((split, made))
        return made

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the shifted sample. Raises PluginError, with what was got and what is allowed."""
        where = f'{self._name}: apply() on sample "{sample.id}"'
        with naming(where, "shift"):
            after = self._shift.apply(sample)
        fault = _find_fault(sample, after)
        if fault is not None:
            raise PluginError("{} must {}; got {}".format(where, *fault), kind="shift")
        return after


def _find_fault(sample: Sample, after: Sample | Skipped) -> tuple[str, str] | None:
    """Return what a shifted sample must do that it doesn't, and what was got; None if sound."""
    if not isinstance(after, Sample | Skipped):
        return "return a Sample, or Skipped", describe(after)
    if isinstance(after, Skipped):
        if after.id != sample.id:
            return "keep the id", describe(after.id)
        told = isinstance(after.reason, str) and bool(after.reason.strip())
        return None if told else ("say why it is skipped", describe(after.reason))
    if (after.id, after.label) != (sample.id, sample.label):
        return f"keep id and label {sample.label}", f"{after.id!r} and {after.label!r}"
    known = max([sample.label, *(one.label for one in sample.depicted)])
    fault = find_fault(after, known + 1)
    if fault is None and sample.mask is not None and after.mask is None:
        return "keep the mask", "None"
    if fault is None and _list_depicted(after) != _list_depicted(sample):
        return "keep what is depicted, with masks", describe(after.depicted)
    return fault


def _list_depicted(sample: Sample) -> list[tuple[int, bool]]:
    return [(one.label, one.mask is not None) for one in sample.depicted]
