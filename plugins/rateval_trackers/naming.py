"""Names of what is noted, as one tracker allows them, no two alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

Parts = tuple[str, ...]
"""Where a number belongs, from the outermost group to itself."""


class Names:
    """Names for one tracker: the parts of each joined by slashes, then cleaned by its rules.

    Two that would come out alike are told apart by a number, so that nothing takes the place of
    something else.

    >>> names = Names(clean_for_mlflow)
    >>> names(("birds", "clip·ft", "pt")), names(("birds", "clip-ft", "pt"))
    ('birds/clip-ft/pt', 'birds/clip-ft/pt-2')
    >>> names(("birds", "clip·ft", "pt"))
    'birds/clip-ft/pt'
    """

    def __init__(self, clean: Callable[[str], str] = str) -> None:
        self._clean = clean
        self._given: dict[Parts, str] = {}
        self._taken: set[str] = set()

    def __call__(self, parts: Parts) -> str:
        """Return the name of what belongs there, the same each time."""
        if parts not in self._given:
            # A label's own slash would make a group of it.
            base = self._clean("/".join(part.replace("/", "-") for part in parts))
            name, number = base, 2
            while name in self._taken:
                name, number = f"{base}-{number}", number + 1
            self._taken.add(name)
            self._given[parts] = name
        return self._given[parts]


MLFLOW_LONGEST = 250
"""Characters of a name in MLflow at most."""


def clean_for_mlflow(name: str) -> str:
    """Return a name that MLflow takes: letters, digits and ``_-. :/`` in parts that are no path.

    >>> clean_for_mlflow("biased/clip·ft, fog/é=1/pt"), clean_for_mlflow("../a")
    ('biased/clip-ft- fog/é-1/pt', '-./a')
    """
    parts = [re.sub(r"[^\w\-. :]", "-", part) for part in name.split("/")]
    clean = "/".join(re.sub(r"^\.(?=\.?$)|^$", "-", part) for part in parts)
    if len(clean) + len("-2") <= MLFLOW_LONGEST:
        return clean
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{clean[: MLFLOW_LONGEST - len(digest) - 8]}-{digest}"
