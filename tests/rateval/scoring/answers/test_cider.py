"""CIDEr-D beside a plain computation of its formula."""

from __future__ import annotations

from collections import Counter
from math import exp, log, sqrt
from pathlib import Path

import pytest

from rateval.scoring.answers import cider
from rateval.scoring.answers.cider import TOO_FEW, score_captions, split_words

CAPTIONS = ["A red dog sleeps.", "two cats on a wall", "A man"]
REFERENCES = [
    ["a red dog sleeps", "The dog is asleep on a mat"],
    ["Two cats sit on a wall", "cats on a wall", "a wall with cats!"],
    ["a woman rides a horse", "a horse"],
]


def count_grams(text: str) -> dict[int, Counter[tuple[str, ...]]]:
    words = split_words(text).split()
    return {
        n: Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
        for n in range(1, 5)
    }


def score_naively() -> float:
    """Return CIDEr-D by its formula, with Gaussian penalty and clipping, sigma 6."""
    seen: Counter[tuple[str, ...]] = Counter()
    for texts in REFERENCES:
        seen.update({gram for text in texts for of in count_grams(text).values() for gram in of})

    def weigh(counts: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
        size = log(len(CAPTIONS))
        return {gram: n * (size - log(max(1.0, seen[gram]))) for gram, n in counts.items()}

    def long(text: str) -> int:
        # As published: the number of pairs of words.
        return sum(count_grams(text)[2].values())

    total = 0.0
    for caption, texts in zip(CAPTIONS, REFERENCES, strict=True):
        for text in texts:
            for n in range(1, 5):
                mine, theirs = weigh(count_grams(caption)[n]), weigh(count_grams(text)[n])
                dot = sum(min(w, theirs.get(g, 0.0)) * theirs.get(g, 0.0) for g, w in mine.items())
                norms = [sqrt(sum(w * w for w in one.values())) for one in (mine, theirs)]
                cosine = dot / (norms[0] * norms[1]) if all(norms) else dot
                gap = long(caption) - long(text)
                total += cosine * exp(-(gap**2) / 72) / len(texts) / 4
    return 10 * total / len(CAPTIONS)


def test_the_score_is_that_of_the_formula() -> None:
    pytest.importorskip("pycocoevalcap")
    value, why = score_captions(CAPTIONS, REFERENCES)
    assert why is None
    assert value == pytest.approx(score_naively(), rel=1e-9)


def test_one_image_has_no_score() -> None:
    assert score_captions(CAPTIONS[:1], REFERENCES[:1]) == (None, TOO_FEW)


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cider, "find_spec", lambda name: None)
    cider.score_stored.cache_clear()
    value, why = cider.score_stored(tmp_path)
    assert value is None
    assert why is not None
    assert "rateval[captions]" in why
    cider.score_stored.cache_clear()
