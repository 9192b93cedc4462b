"""Keys of a spec and of ``run.json``, from the records that read and write them."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from rateval.api.kinds import KINDS
from rateval.records.schema import NAME, run_schema
from rateval.registry.describe import describe_parameters
from rateval.spec.tables import RunSpec, entry_class, is_single
from reference_pages.markdown import NOTICE, cell, code, in_cell, prose, table

SPEC = f"""{NOTICE}# Keys of a spec

A spec is one TOML file; [The spec](../spec.md) explains it with examples. These are all its tables
and keys.
`rateval validate spec.toml` names every mistake at once.

"""
RECORD = f"""{NOTICE}# Keys of `run.json`

What a run leaves in its folder, as [the JSON Schema](../schema/{NAME}) says it; [What lies on
disk](../store.md) tells how to read it, and which other files there are. A number that is undefined
is `null`, beside its counts.

"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of each page."""
    yield "spec-keys.md", SPEC + "".join(_tables())
    yield "run-json.md", RECORD + "".join(_records(run_schema()))


def _tables() -> Iterator[str]:
    for name, field in RunSpec.model_fields.items():
        what = prose(" ".join((field.description or "").split()))
        if name in {facts.table for facts in KINDS.values()}:
            kind = next(kind for kind, facts in KINDS.items() if facts.table == name)
            heading = f"[{name}]" if is_single(name) else f"[[{name}]]"
            yield f"## {heading}\n\n{what}\n\n" if what else f"## {heading}\n\n"
            yield _keys(entry_class(name), without="params")
            yield (
                f"Every other key is a parameter of the component that `use` names: "
                f"[{kind}](components/{kind}.md).\n\n"
            )
        else:
            yield from _options(name, _model(field.annotation), what)


def _options(name: str, model: type[BaseModel], what: str) -> Iterator[str]:
    yield f"## [{name}]\n\n{what}\n\n" if what else f"## [{name}]\n\n"
    yield _keys(model)
    for key, field in model.model_fields.items():
        inner = _model(field.annotation, None)
        if inner is not None:
            many = typing.get_origin(field.annotation) in (list, tuple)
            heading = f"[[{name}.{key}]]" if many else f"[{name}.{key}]"
            yield f"### {heading}\n\n{_keys(inner)}"


def _model(annotation: Any, otherwise: Any = BaseModel) -> Any:
    """Return the model within an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (
        typing.Union,
        types.UnionType,
        list,
        tuple,
        typing.Annotated,
    ):
        for member in typing.get_args(annotation):
            found = _model(member, None)
            if found is not None:
                return found
    return otherwise


def _keys(model: type[BaseModel], without: str = "") -> str:
    return table(
        ["key", "type", "default", "what it does"],
        [
            [
                f"`{one.name}`",
                cell(one.type + (f", {one.bounds}" if one.bounds else "")),
                one.default if one.default in ("required", "none") else code(one.default),
                in_cell(one.description),
            ]
            for one in describe_parameters(model)
            if one.name != without
        ],
    )


def _records(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "## The file itself\n\n" + _properties(schema)
    for name, record in sorted(schema["$defs"].items()):
        what = record.get("description", "").partition("\n\n")[0]
        yield f"## {name}\n\n" + (f"{prose(' '.join(what.split()))}\n\n" if what else "")
        if "properties" in record:
            yield _properties(record)
        else:
            yield f"{_type(record)}\n\n"


def _properties(record: Mapping[str, Any]) -> str:
    return table(
        ["key", "type", "what it is"],
        [
            [f"`{key}`", _type(value), in_cell(value.get("description", ""))]
            for key, value in record["properties"].items()
        ],
    )


def _type(value: Mapping[str, Any]) -> str:
    """Return the type of a value, with links to other records.

    >>> _type({"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Key"}}, {"type": "null"}]})
    'list of [Key](#key) or null'
    """
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(map(_type, value["anyOf"])))
    if "const" in value:
        return code(json.dumps(value["const"]))
    if "enum" in value:
        return ", ".join(code(json.dumps(one)) for one in value["enum"])
    kind = value.get("type", "anything")
    if kind == "array":
        items = value.get("items") or value.get("prefixItems", [{}])[0]
        return f"list of {_type(items)}"
    if kind == "object" and isinstance(value.get("additionalProperties"), Mapping):
        return f"table of {_type(value['additionalProperties'])}"
    return {"object": "table", "string": "text"}.get(str(kind), str(kind))
