"""A whole run, before it starts, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rateval.plan.cells import Cell, Choice
from rateval.plan.published import Protocol
from rateval.plan.seeds import seeds_of
from rateval.spec.document import Document
from rateval.spec.tables import RunSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run is going to do."""

    document: Document
    spec: RunSpec
    choices: Mapping[str, tuple[Choice, ...]]
    """Table of the spec to its choices."""
    cells: tuple[Cell, ...]
    differences: tuple[str, ...] = ()
    """Sentences on what the study's protocol changes; none for ``matched``."""
    forced: Protocol | None = None
    """Protocol that was asked for in place of the study's own, and prevails over its params."""

    @property
    def all_choices(self) -> list[Choice]:
        """Every choice of every table."""
        return [choice for choices in self.choices.values() for choice in choices]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the study, one or several."""
        return self.spec.study.all_seeds

    def seeds_of(self, choice: Choice) -> tuple[int | None, ...]:
        """Return the seeds that there is an object of a choice for; None is any."""
        return seeds_of([choice], self.seeds)

    def find(self, table: str, label: str) -> Choice:
        """Return a choice of a table by its label."""
        return next(choice for choice in self.choices[table] if choice.label == label)

    @property
    def datasets(self) -> tuple[Choice, ...]:
        """What to train and test on."""
        return self.choices["dataset"]

    @property
    def validators(self) -> tuple[Choice, ...]:
        """How to judge each cell's evidence."""
        return self.choices["evidence"]

    @property
    def map_validators(self) -> tuple[int, ...]:
        """Places of the validators that judge relevance maps, rather than answers to edits."""
        return tuple(at for at, choice in enumerate(self.validators) if not choice.by_edits)

    @property
    def metrics(self) -> tuple[Choice, ...]:
        """What to count."""
        return self.choices["metric"]
