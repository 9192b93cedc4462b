"""Write the JSON Schema of ``run.json`` into the documents: ``python scripts/write_schema.py``."""

from __future__ import annotations

from pathlib import Path

from rateval.json_file import format_json, join_lists
from rateval.records.schema import NAME, run_schema

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


def main() -> None:
    """Write the schema of the format that this version writes; those of others stay."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / NAME).write_text(join_lists(format_json(run_schema())), encoding="utf-8")


if __name__ == "__main__":
    main()
