"""Refuse files that a repository carries for ever: ``python scripts/large_files.py FILE …``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

LIMIT = 1 << 20
"""Bytes that a file may have."""


def too_large(paths: Iterable[Path]) -> list[str]:
    """Return a line for each file that has more than ``LIMIT`` bytes; absent ones were deleted."""
    sizes = [(path, path.stat().st_size) for path in paths if path.is_file()]
    return [f"{path}: {size / LIMIT:.1f} MiB" for path, size in sizes if size > LIMIT]


def main() -> int:
    """Print what is too large; 1 when anything is."""
    found = too_large(map(Path, sys.argv[1:]))
    for line in found:
        print(f"{line}; at most 1 MiB: keep it elsewhere, or make it where it is needed")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
