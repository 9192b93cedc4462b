"""What a gate is asked for, from a file or a run's spec, and from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from rateval.errors import Problem, SpecError
from rateval.spec.document import Document, read_document
from rateval.spec.explain import explain_error, explain_unknown_key
from rateval.spec.gate import Gate, Requirement
from rateval.spec.study import Table
from rateval.spec.tables import RunSpec
from rateval.spec.values import find_odd

Model = TypeVar("Model", bound=BaseModel)

FORM = 'write it as "accuracy>=0.80", "pt drop<=0.02", "pt rise>=0.01" or "pt>=0.5 worst class"'

_REQUIREMENT = re.compile(
    r"\s*(?P<metric>\S.*?)\s*?(?:\s(?P<change>drop|rise)\s*)?(?P<sign><=|>=)"
    r"\s*(?P<number>[\d.]+(?:e-?\d+)?)\s*(?P<percent>%?)\s*(?:\bworst\s+(?P<worst>\S.*?))?\s*"
)


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line asks for."""

    require: Sequence[str] = ()
    """Requirements such as ``accuracy>=0.80``, beside those of the file."""
    against: str | None = None
    """In the place of the file's."""
    against_method: str | None = None
    different_view: bool = False
    decide: Literal["interval", "value"] | None = None
    only: Mapping[str, str] = field(default_factory=dict)
    """``dataset``, ``method`` and so on, for each requirement that doesn't say so itself."""


class _File(Table):
    gate: Gate


def read_gate(
    file: Path | None,
    table: Mapping[str, Any] | None,
    given: Given,
    *,
    option: str = "--file",
) -> Gate:
    """Return what is asked for: of the file, else of ``table``, a run's own, and of the options.

    ``option`` is what names the file. Raises SpecError with everything that is wrong.
    """
    problems: list[Problem] = []
    gate, name = Gate(), "the gate"
    if file is not None and not file.exists():
        told = f"no such file; give one with a [gate], or leave {option} out for that of the spec"
        problems.append(Problem(f"{option} {file}", told))
    elif file is not None:
        document = read_document(file)
        name = document.name
        gate = _check_file(document, problems) or gate
    elif table is not None:
        gate = _check_file(Document("the run's spec", {"gate": dict(table)}, ""), problems) or gate
    more = [one for text in given.require if (one := _check_option(text, problems)) is not None]
    require = tuple(_narrow(one, given.only) for one in (*gate.require, *more))
    gate = Gate(
        against=given.against or gate.against,
        against_method=given.against_method or gate.against_method,
        different_view=given.different_view or gate.different_view,
        decide=given.decide or gate.decide,
        require=require,
    )
    if not problems:
        problems += _find_lacking(gate, name)
    if problems:
        raise SpecError(problems)
    return gate


def _find_lacking(gate: Gate, name: str) -> Iterator[Problem]:
    if not gate.require:
        yield Problem(
            name,
            "asks for nothing; add a [[gate.require]] with a metric and at_least = 0.8 to a file "
            'that --file names or to the spec, or give --require "accuracy>=0.80"',
        )
    rule = next((one.rule for one in gate.require if one.compares), None)
    if rule is not None and gate.against is None:
        yield Problem(
            name,
            f"has {rule} and names nothing to compare with; add against = "
            '"zs", another method of the study or the folder of a run, or give --against',
        )


def _check_file(document: Document, problems: list[Problem]) -> Gate | None:
    known = list(RunSpec.model_fields)
    found = [
        Problem(document.where((key,), value=False), explain_unknown_key(key, known))
        for key in document.data
        if key not in known
    ]
    if "gate" not in document.data:
        found.append(Problem(document.name, "has no [gate]; add the table, or give another --file"))
    problems += found
    if found:
        return None
    inner = Document(document.name, {"gate": document.data["gate"]}, "")
    checked = _check(inner, _File, problems)
    return None if checked is None else checked.gate


def _check_option(text: str, problems: list[Problem]) -> Requirement | None:
    where = f"--require {json.dumps(text, ensure_ascii=False)}"
    parts = _REQUIREMENT.fullmatch(text)
    if parts is None:
        problems.append(Problem(where, f"is no requirement; {FORM}"))
        return None
    change, sign = parts["change"], parts["sign"]
    if change == "drop" and sign == ">=":
        told = "a drop is bounded from above: drop<=; for what must improve write rise>="
        problems.append(Problem(where, told))
        return None
    rule = {">=": "at_least", "<=": "at_most"}[sign]
    rule = f"{change}_{rule}" if change else rule
    try:
        number = float(parts["number"]) / (100 if parts["percent"] else 1)
    except ValueError:
        problems.append(Problem(where, f"{parts['number']} is no number; {FORM}"))
        return None
    data: dict[str, Any] = {"metric": parts["metric"], rule: number}
    if parts["worst"]:
        data["worst"] = parts["worst"]
    return _check(Document(where, data, ""), Requirement, problems)


def _check(document: Document, model: type[Model], problems: list[Problem]) -> Model | None:
    """Return what a document holds; None, with the problems told, where that can't be."""
    odd = list(find_odd(document))
    if odd:
        problems += odd
        return None
    try:
        return model.model_validate_json(json.dumps(document.data, default=str), strict=True)
    except ValidationError as error:
        problems += (
            Problem(
                document.where(details["loc"], value=details["type"] != "extra_forbidden"),
                explain_error(details, model),
            )
            for details in error.errors()
        )
        return None


def _narrow(one: Requirement, only: Mapping[str, str]) -> Requirement:
    unsaid = {key: value for key, value in only.items() if getattr(one, key) is None}
    return one.model_copy(update=unsaid)
