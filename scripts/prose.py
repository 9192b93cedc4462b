"""Sentences of a document, and what in them claims a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from figures import Triple

ROOT = Path(__file__).resolve().parents[1]
Says = Literal["rises", "falls", "no difference", "is"]
"""What a document says of a change, or of a value."""

DIRECTION = re.compile(
    r"\b(ris(?:e|es|en|ing)|rose|fall(?:s|en|ing)?|fell|drop(?:s|ped|ping)?|gain(?:s|ed|ing)?"
    r"|los(?:e|es|ing|ses)|lost|lower(?:s|ed)?|higher|increas(?:e|es|ed|ing)"
    r"|decreas(?:e|es|ed|ing)|rais(?:e|es|ed|ing)|gr(?:ow|ows|ew)|mend(?:s|ed)?"
    r"|improv(?:e|es|ed)|(?:more|less) often|no (?:difference|fall|change))\b",
    re.IGNORECASE,
)
"""Words that claim a change."""
MEASURE = re.compile(
    r"\b(accuracy|accurate|PT|IR|causal|trustworthiness|reliability|right|reasons?|evidence"
    r"|points?|tests?)\b|%|`(?:zs|lp|flcp|ft|lp-ft|wise-ft|lora|evidence-ft)\b"
)
"""Words that say what changes; a sentence without one claims nothing of the kind."""
NUMBER = re.compile(r"(?<![\w.])(?<!\w-)[−+-]?\d+(?:\.\d+)?(?![\w]|\.\d)")


def documents() -> list[Path]:
    """Return the documents whose sentences and tables are compared with runs."""
    pages = sorted(ROOT.glob("docs/**/*.md"))
    apart = ("design", "reference")  # decisions of another day, and what is made of the code
    mine = [page for page in pages if page.relative_to(ROOT / "docs").parts[0] not in apart]
    return [ROOT / "README.md", *mine]


def plain(text: str) -> str:
    r"""Return a text with single spaces, and without marks of emphasis.

    >>> plain("**PT\n  falls** for `lp`")
    'PT falls for `lp`'
    """
    return " ".join(text.replace("**", "").split())


def sentences(text: str) -> Iterator[str]:
    r"""Yield the sentences of a document: no code, no tables, no headings, no pictures.

    >>> list(sentences("# PT falls\n\nPT falls. `IR` is\nhigher.\n\n- PT rises\n| PT |\n"))
    ['PT falls.', '`IR` is higher.', 'PT rises']
    """
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->|<picture>.*?</picture>", "", text, flags=re.DOTALL)
    text = re.sub(r"^(?:\||#).*$", "", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n|\n\s*(?=- )", text):
        for sentence in re.split(
            r"(?<=[.!?])\s+(?=[A-Z*`\[(0-9])", plain(block).removeprefix("- ")
        ):
            if sentence:
                yield sentence


def numbers(text: str) -> list[str]:
    """Return the numbers of a text outside of code, with their signs.

    >>> numbers("`lp-2`: −9.5 (−14.6 to 4) at 0.5, arXiv2412, clip-2")
    ['−9.5', '−14.6', '4', '0.5']
    """
    return NUMBER.findall(re.sub(r"`[^`]*`", "", text))


def bears(says: Says, change: Triple) -> bool:
    """Return whether a change's interval bears the word.

    >>> bears("falls", (-0.1, -0.2, -0.01)), bears("falls", (-0.1, -0.2, 0.01))
    (True, False)
    >>> bears("no difference", (-0.1, -0.2, 0.01)), bears("rises", (0.1, None, None))
    (True, False)
    """
    _, low, high = change
    if says == "is":
        return True
    if low is None or high is None:
        return False
    return {"rises": low > 0, "falls": high < 0, "no difference": low <= 0 <= high}[says]


def quotes(number: str, shares: Sequence[float]) -> bool:
    """Return whether a number is one of the shares in percent, at its own precision.

    A number without a sign may also be the size of a fall.

    >>> quotes("9.5", [-0.0951]), quotes("+9.5", [-0.0951]), quotes("10", [0.0951])
    (True, False, True)
    """
    half = 0.5 * 10.0 ** -len(number.partition(".")[2]) + 1e-3
    given = float(number.replace("−", "-"))
    sizes = [100 * share for share in shares]
    if number[0] not in "−+-":
        sizes += [abs(size) for size in sizes]
    return any(abs(given - size) <= half for size in sizes)
