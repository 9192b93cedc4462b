"""What a requirement asks for and a run doesn't have."""

from __future__ import annotations

from collections.abc import Collection

from rateval.scoring.gate.finding import Found
from rateval.wording import list_some, meant


class LackingError(Exception):
    """There is nothing to hold against the bound, with why, and what a name or an error says."""

    def __init__(self, why: str, told: str | None = None) -> None:
        super().__init__(why)
        self.found = Found(why=why, told=told)


def lacks(why: str, name: str, known: Collection[str]) -> LackingError:
    """Return that there is no such name, with what there is, and which was probably meant.

    >>> lacks("there is no such metric", "acuracy", ["accuracy", "pt"]).found.told
    'accuracy, pt; did you mean "accuracy"?'
    """
    told = list_some(known)
    close = meant(name, known)
    return LackingError(f"{why}; it has", f"{told}; {close}" if close else told)
