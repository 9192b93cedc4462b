"""The ``[study]`` table of a spec: its name, its seeds and its protocol."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Table(BaseModel):
    """The base of every table of a spec: unknown keys and changes are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Study(Table):
    """The name, seeds and protocol of a study: ``[study]``."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
    """Letters, digits, ``.``, ``_`` and ``-``; the run's folder is named after it."""
    seed: Seed = 0
    """Seed of everything random that has no seed of its own."""
    seeds: tuple[Seed, ...] | None = Field(default=None, min_length=1, max_length=1000)
    """Several seeds in its place: whatever depends on the seed is repeated for each."""

    protocol: Literal["matched", "aaai25"] = "matched"
    """``matched``: components as the spec has them, one depth of explanation for all methods.
    ``aaai25``: the procedure behind the paper's figures, defects included, which the report
    lists."""

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: tuple[int, ...] | None) -> tuple[int, ...] | None:
        twice = [seed for seed, times in Counter(seeds or ()).items() if times > 1]
        if twice:
            raise ValueError(
                f"must be different seeds, but {twice[0]} is named more than once, which would "
                "count one result as several; name each seed once"
            )
        return seeds

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if {"seed", "seeds"} <= self.model_fields_set:
            raise ValueError(
                "has both `seed` and `seeds`; keep `seed` to run once, or `seeds` to repeat what "
                "depends on the seed"
            )
        return self

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds with which everything is done that depends on one, one after the other."""
        return self.seeds or (self.seed,)

    def as_table(self) -> dict[str, Any]:
        """Return a dict shaped like the TOML."""
        unused = "seed" if self.seeds else "seeds"
        return self.model_dump(mode="json", exclude={unused})
