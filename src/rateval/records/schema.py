"""The JSON Schema of ``run.json``, made from the records."""

from __future__ import annotations

from typing import Any

from rateval.records.format import FORMAT
from rateval.records.run import RunRecord

NAME = f"run-{FORMAT}.json"
"""File of the documents that holds it."""
_WITHOUT_VALUE = ("AreaRecord", "ClassRecord")
"""Records in which early ones of this format leave the share to whoever reads them."""


def run_schema() -> dict[str, Any]:
    """Return the schema of a record as this version writes it; each key has its description.

    >>> run_schema()["properties"]["format"]["const"] == FORMAT
    True
    """
    schema = RunRecord.model_json_schema(mode="serialization")
    written = {"const": FORMAT, "description": "Version of this file's layout.", "type": "integer"}
    schema["properties"]["format"] = written
    for name in _WITHOUT_VALUE:
        schema["$defs"][name]["required"].remove("value")
    schema["$defs"]["GroupRecord"]["properties"]["slices"]["type"] = "object"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"run.json of format {FORMAT}",
        **{key: value for key, value in schema.items() if key != "title"},
        "required": ["format", *schema["required"]],
    }
