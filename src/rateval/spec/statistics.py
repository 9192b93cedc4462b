"""The ``[statistics]`` table of a spec: what intervals and tests a study asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from rateval.spec.study import Table


class Statistics(Table):
    """What intervals and tests a study asks for: ``[statistics]``.

    No result that is stored depends on it: another choice is made from the same rows.
    """

    level: float = Field(default=0.95, ge=0.5, lt=1)
    """Level of the intervals, from 0.5 to below 1."""
    cluster: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "none"
    """What images were drawn together: ``none``, ``class`` where claims are about new classes,
    ``sample`` for what is predicted of one, or one of the dataset's groups, such as ``camera``."""
    correction: Literal["holm", "none"] = "holm"
    """How p is corrected for all pairs of methods and all metrics of one test."""
    margin: float | None = Field(default=None, gt=0, lt=1)
    """A fall that would not matter, as a share, such as 0.02 for 2 points: "no fall" is tested
    against it. Without one nothing is said of what does not change."""
