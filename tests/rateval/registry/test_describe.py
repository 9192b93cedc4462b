from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rateval.api import Params
from rateval.registry.describe import describe_parameters


class Inner(Params):
    pass


class AllParams(Params):
    needed: str
    """A text."""
    count: int = Field(default=3, ge=1, lt=9)
    """A count."""
    rate: Annotated[float, Field(gt=0)] | None = None
    """A rate."""
    choice: Literal["a", "b"] = "a"
    """A choice."""
    layers: Literal["all", "last"] | int | list[int] = "all"
    """Layers."""
    where: Path = Path("x")
    """A path."""
    several: tuple[float, float] = (0.5, 1.0)
    """Two numbers."""
    table: dict[str, Any] = Field(default_factory=dict)
    """Anything."""
    inner: Inner = Inner()
    """A table."""


def test_types_defaults_and_bounds_read_as_in_a_spec() -> None:
    rows = {p.name: (p.type, p.default, p.bounds) for p in describe_parameters(AllParams)}
    assert rows == {
        "needed": ("text", "required", ""),
        "count": ("integer", "3", "≥ 1, < 9"),
        "rate": ("number", "none", "> 0"),
        "choice": ('"a" | "b"', '"a"', ""),
        "layers": ('"all" | "last" | integer | list of integer', '"all"', ""),
        "where": ("path", '"x"', ""),
        "several": ("list of 2 × number", "[0.5, 1.0]", ""),
        "table": ("table", "{}", ""),
        "inner": ("table", "{}", ""),
    }
