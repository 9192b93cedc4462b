"""Print what ``CHANGELOG.md`` says of a version: ``python scripts/release_notes.py 0.1.0``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def notes(text: str, version: str) -> str | None:
    r"""Return the part of a changelog about a version; None where there is none.

    >>> notes("# C\n\n## [2.0] - 2026-12-01\n\n- new\n\n## [1.0]\n\n- old\n", "2.0")
    '- new'
    """
    parts = re.split(r"^## \[([^\]]+)\].*\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True)).get(version)


def main() -> int:
    """Print the notes; 1 where there are none."""
    version = sys.argv[1] if len(sys.argv) > 1 else "Unreleased"
    found = notes(CHANGELOG.read_text(encoding="utf-8"), version)
    print(found or f"CHANGELOG.md says nothing of {version}")
    return int(not found)


if __name__ == "__main__":
    sys.exit(main())
