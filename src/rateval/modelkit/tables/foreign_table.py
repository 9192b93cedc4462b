"""Tables from elsewhere, of which only named options reach a library."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from rateval.errors import RatevalError
from rateval.modelkit.tables.channels import ImageMean, ImageStd
from rateval.wording import suggest

ForeignSize = Annotated[int, Field(ge=1, le=65536)]
"""A width, or a side in pixels."""
ForeignDepth = Annotated[int, Field(ge=1, le=1024)]
"""A number of layers."""
ForeignRows = Annotated[int, Field(ge=1, le=10_000_000)]
"""Rows of a word embedding."""
ForeignPair = Annotated[tuple[ForeignSize, ForeignSize], Strict(False)]
"""Height and width."""
ForeignMean = Annotated[ImageMean, Strict(False)]
"""A mean as JSON and TOML write it, a list."""
ForeignStd = Annotated[ImageStd, Strict(False)]
"""A deviation as JSON and TOML write it, a list."""

# Far beyond every model there is; more would fill the memory before anything is noticed.
_MOST_NUMBERS = 10_000_000_000
_CODE = ("auto_map", "trust_remote_code", "custom_pipelines", "custom_generate")
_MESSAGES = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "missing": "is missing",
}


class ForeignTable(BaseModel):
    """The options of a table that may reach a library, with type and bounds of each.

    Types are taken as they are: true is no number, and "3" is none either.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=()
    )
    inert: ClassVar[frozenset[str]] = frozenset()
    """Keys that such files hold and that nothing here reads; they are left out."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if key not in cls.inert}

    def options(self) -> dict[str, Any]:
        """Return what the file said and a library may see; defaults stay the library's."""
        return self.model_dump(exclude_unset=True)


Table = TypeVar("Table", bound=ForeignTable)


def check_table(kind: type[Table], content: Any, where: str) -> Table:
    """Return ``content`` as a table of ``kind``; ``where`` is the file that it comes from.

    Raises RatevalError for the first option that is not named there, of another type, or out of
    its bounds.

    >>> class Sizes(ForeignTable):
    ...     width: ForeignSize = 8
    >>> check_table(Sizes, {"width": 4}, "a.json").options()
    {'width': 4}
    >>> check_table(Sizes, {"width": -4}, "a.json")
    Traceback (most recent call last):
    rateval.errors.RatevalError: a.json: width = -4: must be greater than or equal to 1; correct it
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults: list[Any] = [dict(fault) for fault in error.errors(include_url=False)]
        raise RatevalError(f"{where}: {_describe(faults, content, kind)}") from error


def require_buildable(numbers: float, where: str) -> None:
    """Raise RatevalError when sizes add up to more ``numbers`` than any model holds.

    >>> require_buildable(1e9, "a.json")
    """
    if numbers > _MOST_NUMBERS:
        raise RatevalError(
            f"{where}: its sizes come to a model of {numbers:.0e} numbers; at most "
            f"{_MOST_NUMBERS:.0e} are built: correct its widths, layers and image size"
        )


def _describe(faults: Sequence[Any], content: Any, kind: type[ForeignTable]) -> str:
    path, value = _locate(faults[0], content)
    if faults[0]["type"] == "extra_forbidden":
        return _refuse(path, value, kind, [part for part in path if isinstance(part, str)])
    # Where an option may be one of several things, each of them says what it misses.
    reasons = dict.fromkeys(
        _reason(fault) for fault in faults if _locate(fault, content)[0] == path
    )
    option = ".".join(map(str, path))
    said = f"{option} = {reprlib.repr(value)}: " if path and value is not _ABSENT else ""
    said = said or (f"{option}: " if path else "")
    return f"{said}{', or '.join(reasons)}; correct it"


def _refuse(path: list[Any], value: Any, kind: type[ForeignTable], names: list[str]) -> str:
    option = ".".join(map(str, path))
    said = f"{option} = {reprlib.repr(value)}"
    if names[-1] in _CODE:
        return (
            f"{said}: asks for code of the folder's own, and a model's folder never runs any; take "
            f"{names[-1]} out, and give a model that the installed libraries know"
        )
    known = _known_beside(kind, path)
    return (
        f"{said}: is no option that a model's file may set here; {suggest(names[-1], known)} "
        "(take it out, unless the model needs it, which then cannot be used)"
    )


def _known_beside(kind: type[ForeignTable], path: list[Any]) -> list[str]:
    table: Any = kind
    for part in path[:-1]:
        field = table.model_fields.get(part)
        options = [*getattr(field.annotation, "__args__", ()), field.annotation] if field else []
        inner = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        if not inner:
            return []
        table = inner[0]
    return [field.alias or name for name, field in table.model_fields.items()]


_ABSENT: Any = object()


def _locate(fault: Any, content: Any) -> tuple[list[Any], Any]:
    # pydantic's places also name the alternatives of a type, which no file holds.
    path: list[Any] = []
    value = content
    for part in fault["loc"]:
        if (isinstance(value, dict) and part in value) or (
            isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        ):
            value = value[part]
        elif fault["type"] == "missing" and part == fault["loc"][-1]:
            value = _ABSENT
        else:
            continue
        path.append(part)
    return path, value


def _reason(fault: Any) -> str:
    said = _MESSAGES.get(fault["type"])
    if said is not None:
        return said
    message = str(fault["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("Input should", "must")
