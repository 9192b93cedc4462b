"""What replaces keys of ``[run]``, and one of ``[report]``: environment, then command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from rateval.errors import RatevalError
from rateval.spec.document import Document
from rateval.spec.renamed import OLD_RUN_KEYS
from rateval.spec.run_options import RunOptions
from rateval.spec.toml_text import parse_toml

Overrides = dict[str, tuple[str, object]]
"""Key of ``[run]`` to (what sets it, such as ``--device``; the value), or ``report.pictures``."""


def override_run(document: Document, values: Mapping[str, tuple[str, object]]) -> Document:
    """Return the document with keys of ``[run]`` replaced, and what set them for messages.

    A key with a table before it, such as ``report.pictures``, replaces one of that table.
    """
    data = dict(document.data)
    origins = {}
    for name, (origin, value) in values.items():
        table, _, key = name.rpartition(".")
        there = data.get(table or "run", {})
        if isinstance(there, dict):
            data[table or "run"] = there | {key: value}
            origins[name] = origin
    return replace(document, data=data, origins=origins) if origins else document


def read_environment(environment: Mapping[str, str] = os.environ) -> Overrides:
    """Return ``RATEVAL_DEVICE``, ``RATEVAL_OUTPUT`` and so on, one per key of ``[run]``.

    Old names are collected, too, for the check of the spec to refuse: none is ever ignored.
    """
    found: Overrides = {}
    for key in (*RunOptions.model_fields, *OLD_RUN_KEYS):
        variable = f"RATEVAL_{key.upper()}"
        if variable in environment:
            found[key] = (variable, read_value(key, environment[variable], variable))
    return found


def read_settings(settings: Sequence[str]) -> Overrides:
    """Read ``--set key=value``, with or without ``run.`` before the key.

    Raises RatevalError for another shape or another table: a spec alone says what is computed.
    """
    found: Overrides = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        key = key.strip().removeprefix("run.")
        if not equals or not key:
            raise RatevalError(f"--set {setting}: write it as key=value, such as batch_size=32")
        if "." in key:
            raise RatevalError(
                f"--set {setting}: only keys of [run] can be set here "
                f"({', '.join(RunOptions.model_fields)}); what is computed belongs in the spec"
            )
        found[key] = (f"--set {key}", read_value(key, value.strip(), f"--set {key}"))
    return found


def read_value(key: str, text: str, where: str) -> object:
    """Read the value of a key of ``[run]``: TOML, or text as it is where the key takes text.

    Raises RatevalError, which says that it is in ``where``, for several lines, and for what no
    spec could hold.

    >>> [read_value("limit", text, "--limit") for text in ("8", "true", "all")]
    [8, True, 'all']
    >>> read_value("output", "2024", "--output")
    '2024'
    """
    if len(text.splitlines()) > 1:
        raise RatevalError(f"{where}: must be one line; set each key by itself")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except (RecursionError, ValueError):
        return parse_toml(f"value = {text}", where)
    return text if _takes_text(key) and not isinstance(value, str) else value


def _takes_text(key: str) -> bool:
    field = RunOptions.model_fields.get(key)
    types = (field.annotation, *get_args(field.annotation)) if field else ()
    return bool(types) and not {int, bool} & set(types)
