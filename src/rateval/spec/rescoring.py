"""What a run is to be scored by anew: the tables of a spec that judge and count, and no others."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Any

from pydantic import Field, ValidationError

from rateval.errors import Problem, RatevalError, SpecError
from rateval.spec.document import Document
from rateval.spec.explain import explain_error, explain_unknown_key
from rateval.spec.statistics import Statistics
from rateval.spec.study import Table
from rateval.spec.tables import Entry, RunSpec
from rateval.spec.values import find_odd

Entries = Annotated[tuple[Entry, ...] | None, Field(min_length=1)]


class Keep(Table):
    """What of ``[counterfactual]`` no model has a say in."""

    keep: float = Field(gt=0, le=1)
    """Share of the versions with another background on which an answer has to stay."""


class Rescoring(Table):
    """The tables that a run can be scored by anew."""

    evidence: Entries = None
    """How to judge an explanation."""
    metric: Entries = None
    """What to count."""
    tracker: Entries = None
    """Where the new run is noted besides its own record."""
    statistics: Statistics = Statistics()
    """What intervals and tests are asked for; keys that are left out are the run's own."""
    counterfactual: Keep | None = None
    """When an answer counts as kept."""


def read_rescoring(document: Document) -> Rescoring:
    """Check the tables of a document. Raises SpecError with every problem at once."""
    odd = list(find_odd(document))
    if odd:
        raise SpecError(odd)
    try:
        return Rescoring.model_validate_json(json.dumps(document.data, default=str), strict=True)
    except ValidationError as error:
        raise SpecError(
            Problem(
                document.where(details["loc"], value=details["type"] != "extra_forbidden"),
                _explain_computed(details["loc"]) or explain_error(details, Rescoring),
            )
            for details in error.errors()
            # A list that a faulty entry left short is no fault of its own.
            if details["type"] != "too_short" or not details["input"]
        ) from None


def _explain_computed(loc: tuple[str | int, ...]) -> str | None:
    """Return why a key of a spec can't stand here; None for what is no such key."""
    own = ", ".join(Rescoring.model_fields)
    if len(loc) == 1 and loc[0] in RunSpec.model_fields and loc[0] not in Rescoring.model_fields:
        return (
            f"was computed with or says how, and what is stored stays as it is; leave it out (a "
            f"run is scored by {own}), or run a spec with it: rateval run"
        )
    if len(loc) == 2 and loc[0] == "counterfactual" and loc[1] != "keep":
        return "was computed with, and what is stored stays as it is; keep alone can be changed"
    if len(loc) == 1 and loc[0] not in Rescoring.model_fields:
        return explain_unknown_key(str(loc[0]), list(Rescoring.model_fields))
    return None


def read_entry(text: str, option: str) -> dict[str, Any]:
    """Read a component with params from one word of a command line, as a table of a spec.

    Values are TOML, or text as it is. Raises RatevalError, which begins with the ``option``.

    >>> read_entry("relevance-mass:threshold=0.3,name=strict", "--evidence")
    {'use': 'relevance-mass', 'threshold': 0.3, 'name': 'strict'}
    >>> read_entry("./judges.py:near:at=[1, 2]", "--evidence"), read_entry("pt", "--metric")
    ({'use': './judges.py:near', 'at': [1, 2]}, {'use': 'pt'})
    """
    head, equals, _ = text.partition("=")
    use, colon, _ = head.rpartition(":")
    if not equals and (":" not in text or ".py" in text):  # of a file, or a component alone
        return {"use": text}
    if not equals or not colon or not use:
        raise RatevalError(
            f"{option} {text}: write it as NAME:key=value, such as relevance-mass:threshold=0.3, "
            "with a comma before each further key"
        )
    found: dict[str, Any] = {"use": use}
    for key, value in _split(text[len(use) + 1 :]):
        if not key or key in found:
            what = f'"{key}" is there twice' if key else "a key is missing before ="
            raise RatevalError(f"{option} {text}: {what}; write it as NAME:key=value,key=value")
        found[key] = read_word(value)
    return found


def _split(text: str) -> list[tuple[str, str]]:
    """Return keys and values; a comma in brackets or quotes belongs to its value."""
    parts: list[str] = []
    for part in text.split(","):
        if parts and ("=" not in part or _is_open(parts[-1])):
            parts[-1] += "," + part
        else:
            parts.append(part)
    return [(key.strip(), value.strip()) for key, _, value in (p.partition("=") for p in parts)]


def _is_open(text: str) -> bool:
    return any(text.count(one) > text.count(other) for one, other in ("[]", "{}")) or any(
        text.count(quote) % 2 for quote in "\"'"
    )


def read_word(text: str) -> Any:
    """Return one word of a command line as a value of TOML, or as text where it is none.

    >>> read_word("0.3"), read_word("true"), read_word("camera")
    (0.3, True, 'camera')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return text
