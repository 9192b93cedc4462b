"""CIDEr-D of captions, by pycocoevalcap's own code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rateval.store.tables.samples import read_samples

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
NOT_INSTALLED = "pycocoevalcap is not installed: pip install 'rateval[captions]'"
TOO_FEW = "CIDEr weighs words by how many images' references have them, and here is one image"


@lru_cache(maxsize=256)
def score_stored(inferred: Path) -> tuple[float | None, str | None]:
    """Return CIDEr-D of the captions of a result, or why there is none.

    A result never changes, and a run's record is written many times.
    """
    if find_spec("pycocoevalcap") is None:
        return None, NOT_INSTALLED
    rows = read_samples(inferred, ["output", "references"]).to_pydict()
    return score_captions(rows["output"], rows["references"])


def score_captions(
    captions: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float | None, str | None]:
    """Return CIDEr-D of captions beside what people wrote, from 0 to 10, or why there is none.

    Words are weighed by the references of these images. Texts are taken in lower case, without
    signs: the published numbers are of texts that the Penn Treebank's tokeniser, a program in Java,
    has split, which differs on few.

    Source: Vedantam, Zitnick and Parikh, CVPR 2015.
    """
    if len(captions) < 2:
        return None, TOO_FEW
    from pycocoevalcap.cider.cider import Cider

    scorer: Any = Cider()
    given = {at: [split_words(text)] for at, text in enumerate(captions)}
    told = {at: [split_words(text) for text in texts] for at, texts in enumerate(references)}
    score, _ = scorer.compute_score(told, given)
    return float(score), None


def split_words(text: str) -> str:
    """Return the words of a text in lower case, with a blank between.

    >>> split_words("A dog's bowl, two-toned.")
    "a dog's bowl two toned"
    """
    return " ".join(_WORD.findall(text.lower()))
