"""The name of a cell, wherever a record needs one."""

from __future__ import annotations

from typing import Literal

from rateval.records.base import Record
from rateval.records.shift import Shifted, ShiftKey

Label = Literal["dataset", "model", "finetuner", "shift", "attribution", "seed"]
Labels = tuple[str | int | ShiftKey | None, ...]


class ClassifierKey(Record):
    """Labels of the spec that tell one classifier of a study from all others."""

    dataset: str
    """Of a training: label of the first dataset whose training split this is."""
    model: str
    finetuner: str
    seed: int | None = None
    """The one of the study's seeds that it was made with; null when it depends on none."""

    @property
    def method(self) -> str:
        """Model and method, as the rows of tables name them.

        >>> ClassifierKey(dataset="birds", model="clip", finetuner="ft").method
        'clip · ft'
        """
        return f"{self.model} · {self.finetuner}"


class Key(ClassifierKey):
    """Labels of the spec that tell one cell of a study from all others."""

    shift: Shifted = None
    """Null for the unshifted test."""
    attribution: str

    @property
    def test(self) -> Labels:
        """What methods are compared on: the key with neither method nor seed, to group by."""
        return self.without("finetuner", "seed")

    @property
    def seedless(self) -> Key:
        """The key without its seed: what cells have in common that differ in their seed only."""
        return self.model_copy(update={"seed": None})

    @property
    def classifier(self) -> ClassifierKey:
        """The name of what predicts in this cell."""
        parts = {"dataset", "model", "finetuner", "seed"}
        return ClassifierKey(**self.model_dump(include=parts))

    @property
    def row(self) -> str:
        """Model, method and shift: the key's text within a table of one dataset and attribution.

        >>> fog = ShiftKey(family="corruption", type="fog", severity=3)
        >>> Key(dataset="birds", model="clip", finetuner="ft", shift=fog, attribution="a").row
        'clip · ft, corruption fog 3'
        """
        return self.method + (f", {self.shift.text}" if self.shift else "")

    def without(self, *labels: Label) -> Labels:
        """Return the other labels, to group cells by what they have in common.

        >>> key = Key(dataset="birds", model="clip", finetuner="ft", attribution="legrad", seed=1)
        >>> key.without("finetuner", "seed")
        ('birds', 'clip', None, 'legrad')
        """
        return tuple(
            value
            for label, value in (
                ("dataset", self.dataset),
                ("model", self.model),
                ("finetuner", self.finetuner),
                ("shift", self.shift),
                ("attribution", self.attribution),
                ("seed", self.seed),
            )
            if label not in labels
        )

    def text(self, *, attribution: bool = False, seed: bool = False) -> str:
        """Write the key for people, with attribution and seed where they tell cells apart.

        >>> key = Key(dataset="birds", model="clip", finetuner="ft", attribution="legrad", seed=1)
        >>> key.text()
        'clip · ft on birds'
        >>> dark = key.model_copy(update={"shift": ShiftKey(family="dark")})
        >>> dark.text(attribution=True, seed=True)
        'clip · ft on birds, dark · legrad, seed 1'
        """
        shift = f", {self.shift.text}" if self.shift else ""
        by = f" · {self.attribution}" if attribution else ""
        of = f", seed {self.seed}" if seed and self.seed is not None else ""
        return f"{self.method} on {self.dataset}{shift}{by}{of}"
