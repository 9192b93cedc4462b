"""The ``[gate]`` table: what a run has to show before it is let through."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from rateval.spec.study import Table

Name = Annotated[str, StringConstraints(min_length=1, max_length=4096)]

RULES = ("at_least", "at_most", "drop_at_most", "rise_at_most", "rise_at_least")
"""Keys of a requirement of which it has one."""


class Requirement(Table):
    """One requirement on a metric: ``[[gate.require]]``."""

    metric: Name
    """Label of a metric of the study, such as ``accuracy``."""
    at_least: float | None = Field(default=None, gt=0, lt=1)
    """Share that the value has to lie above."""
    at_most: float | None = Field(default=None, gt=0, lt=1)
    """Share that it has to lie below."""
    drop_at_most: float | None = Field(default=None, gt=0, lt=1)
    """Fall below the baseline that would not matter, such as 0.02 for 2 points; it has to be less.
    None at all can't be shown by any number of images, so it is above 0."""
    rise_at_most: float | None = Field(default=None, gt=0, lt=1)
    """Rise above the baseline that would not matter, for a metric of which less is better."""
    rise_at_least: float | None = Field(default=None, ge=0, lt=1)
    """Rise above the baseline that it has to exceed, for a metric that must improve; 0 for any."""
    worst: Name | None = None
    """``class``, or one of the dataset's groups, such as ``camera``: the worst of its values, or of
    its differences from the baseline, has to keep the rule."""
    dataset: Name | None = None
    """Label of the only dataset whose cells are asked for; all without it."""
    model: Name | None = None
    """Label of the only model."""
    method: Name | None = None
    """Label of the only method; all that were trained without it, or all where none was."""
    shift: Name | None = None
    """Label of the only shift, such as ``corruption`` for all its types and severities, or
    ``corruption fog 3``; ``none`` for the unshifted test; all without it."""
    attribution: Name | None = None
    """Label of the only attribution."""
    validator: Name | None = None
    """Label of the validator whose verdicts count; the spec's first one without it."""

    @property
    def rule(
        self,
    ) -> Literal["at_least", "at_most", "drop_at_most", "rise_at_most", "rise_at_least"]:
        """The one of ``RULES`` that it has."""
        if self.at_least is not None:
            return "at_least"
        if self.at_most is not None:
            return "at_most"
        if self.drop_at_most is not None:
            return "drop_at_most"
        return "rise_at_most" if self.rise_at_most is not None else "rise_at_least"

    @property
    def bound(self) -> float:
        """The number of its rule."""
        found: float = getattr(self, self.rule)
        return found

    @property
    def compares(self) -> bool:
        """Whether it needs a baseline."""
        return self.rule not in ("at_least", "at_most")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        given = [rule for rule in RULES if getattr(self, rule) is not None]
        if len(given) != 1:
            told = f"has {' and '.join(given)}" if given else "asks for nothing"
            raise ValueError(f"{told}; give it exactly one of {', '.join(RULES)}")
        return self


class Gate(Table):
    """What a run has to show: ``[gate]``."""

    against: Name | None = None
    """What drops and rises are taken against: a method of the same study, such as
    ``zs``, or the folder of another run, from the current one."""
    against_method: Name | None = None
    """Label of the method of that other run; the one of the same name without it, or its only
    one."""
    different_view: bool = False
    """Whether evidence may be compared where the models of both see other parts of the images."""
    decide: Literal["interval", "value"] = "interval"
    """``interval``: by what the images leave open. ``value``: by the bare value, which at the bound
    is right as often as a coin."""
    require: tuple[Requirement, ...] = Field(default=(), max_length=1000)
    """The requirements; all have to be met."""
