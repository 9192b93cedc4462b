"""The name of a cell, wherever a record needs one."""

from __future__ import annotations

from rateval.records.base import Record


class Key(Record):
    """Labels of the spec that tell one cell of a study from all others."""

    dataset: str
    model: str
    finetuner: str
    shift: str | None = None
    """Null for the unshifted test."""
    attribution: str
    seed: int | None = None
    """The one of the study's seeds that the cell was done with; null when it depends on none."""

    @property
    def order(self) -> tuple[str | int, ...]:
        """Values to sort by: by label, the unshifted test and what depends on no seed first."""
        seed = -1 if self.seed is None else self.seed
        return (
            self.model,
            self.finetuner,
            self.dataset,
            self.shift or "",
            self.attribution,
            seed,
        )

    @property
    def test(self) -> Key:
        """The key with neither method nor seed: what cells have in common that share a test."""
        return self.model_copy(update={"finetuner": "", "seed": None})

    @property
    def seedless(self) -> Key:
        """The key without its seed: what cells have in common that differ in their seed only."""
        return self.model_copy(update={"seed": None})

    def text(self, *, attribution: bool = False, seed: bool = False) -> str:
        """Write the key for people, with attribution and seed where they tell cells apart.

        >>> key = Key(dataset="birds", model="clip", finetuner="ft", attribution="legrad", seed=1)
        >>> key.text()
        'clip · ft on birds'
        >>> key.model_copy(update={"shift": "dark"}).text(attribution=True, seed=True)
        'clip · ft on birds, dark · legrad, seed 1'
        """
        shift = f", {self.shift}" if self.shift else ""
        by = f" · {self.attribution}" if attribution else ""
        of = f", seed {self.seed}" if seed and self.seed is not None else ""
        return f"{self.model} · {self.finetuner} on {self.dataset}{shift}{by}{of}"
