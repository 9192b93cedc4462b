"""The name of a shift in a key: its family, and its type and severity where it has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, field_validator

from rateval.records.base import Record


class ShiftKey(Record):
    """What tells one shift of a study from all others."""

    family: str
    """Label of the entry in the spec: its ``name``, or the component's."""
    type: str | None = None
    """What the entry's ``type`` says, such as ``fog``; null where it has none."""
    severity: int | float | None = None
    """What the entry's ``severity`` says; null where it has none."""

    @field_validator("severity")
    @classmethod
    def _write_whole(cls, severity: float | None) -> float | None:
        whole = isinstance(severity, float) and severity.is_integer()
        return int(severity) if whole and severity is not None else severity

    @property
    def text(self) -> str:
        """The parts one after the other, as messages, patterns and tables have them.

        >>> ShiftKey(family="corruption", type="fog", severity=3).text
        'corruption fog 3'
        >>> ShiftKey(family="dark").text, ShiftKey(family="dark", severity=0.5).text
        ('dark', 'dark 0.5')
        """
        parts = (self.family, self.type, self.severity)
        return " ".join(str(part) for part in parts if part is not None)

    @property
    def plain(self) -> ShiftKey:
        """The same without its severity: what its severities have in common.

        >>> ShiftKey(family="corruption", type="fog", severity=3).plain.text
        'corruption fog'
        """
        return self.model_copy(update={"severity": None})

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: ShiftKey) -> bool:
        """Order by family and type by name, then by how severe it is, none first.

        >>> shifts = [ShiftKey(family="c", type="fog", severity=one) for one in (10, 2, None)]
        >>> [shift.severity for shift in sorted(shifts)]
        [None, 2, 10]
        """
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, str, bool, float]:
        return self.family, self.type or "", self.severity is not None, self.severity or 0


def _read_older(value: object) -> object:
    """Return a shift as formats before the sixth have it, text, as what it is now."""
    return {"family": value} if isinstance(value, str) else value


Shifted = Annotated[ShiftKey | None, BeforeValidator(_read_older)]
"""A shift; None for the unshifted test. The text that older records have is its family."""
