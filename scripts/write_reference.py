"""Write docs/reference, made of what it describes: ``python scripts/write_reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reference_pages import commands, components, interfaces, messages, schemas

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
MAKERS = (components, commands, schemas, interfaces, messages)


def make_pages() -> Iterator[tuple[str, str]]:
    """Yield the path of each page in the folder, and its text."""
    for maker in MAKERS:
        for name, text in maker.pages():
            yield name, text.rstrip() + "\n"


def main() -> None:
    """Write all pages; others that lie there stay."""
    for name, text in make_pages():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
