"""Bytes and durations as a person reads them."""

from __future__ import annotations


def format_bytes(count: float) -> str:
    """Return bytes for a person.

    >>> format_bytes(999), format_bytes(12_345), format_bytes(3_200_000_000)
    ('999 B', '12 kB', '3.2 GB')
    """
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.2g} {unit}" if count < 9.95 else f"{count:.0f} {unit}"
    return f"{count / 1000:,.1f} TB"


def format_seconds(seconds: float) -> str:
    """Return a duration for a person.

    >>> [format_seconds(seconds) for seconds in (0.34, 42.1, 130, 7300, 200_000)]
    ['0.3 s', '42 s', '2 min 10 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, below in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {below}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
