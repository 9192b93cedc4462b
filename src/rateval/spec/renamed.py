"""Keys of a spec that have another name now, and the advice for whoever uses an old one."""

from __future__ import annotations

from collections.abc import Sequence

RENAMED = {("validation",): "held_out", ("run", "workers"): "readers"}
"""Place of a table, or of a table's key, to its name now."""

OLD_RUN_KEYS = tuple(loc[1] for loc in RENAMED if len(loc) > 1 and loc[0] == "run")
"""Keys of ``[run]`` that had another name; the environment may still set them."""


def explain_renamed(loc: Sequence[str | int]) -> str | None:
    """Return what is to be done about an old name; None for one that never was.

    >>> explain_renamed(("validation",)), explain_renamed(("run", "speed"))
    ('is called held_out now; rename the table', None)
    """
    now = RENAMED.get(tuple(map(str, loc)))
    if now is None:
        return None
    if loc[0] == "run":
        everywhere = f"[run] {now}, --set {now}=…, RATEVAL_{now.upper()}"
        return f"is called {now} now; rename the key ({everywhere})"
    return f"is called {now} now; rename the {'table' if len(loc) == 1 else 'key'}"
