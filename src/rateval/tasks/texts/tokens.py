"""The tokens of an answer, each explained alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rateval.api.tasks.texts import Answered, TokenMaps
from rateval.tasks.texts.explaining import explain_answers

Span = tuple[int, int]
"""Start and stop in characters."""


def explain_tokens(
    attribution: Any, classifier: Any, answered: Answered, most: int
) -> list[TokenMaps]:
    """Have an attribution explain each token of answers alone, of each the first ``most``."""
    with torch.inference_mode():
        scores = classifier.model.score(answered.images, answered.questions, answered.answers)
    each = zip(answered.answers, scores.spans, strict=True)
    spans = [part_text(text, tokens)[:most] for text, tokens in each]
    maps: list[list[torch.Tensor]] = [[] for _ in spans]
    for place in range(max(map(len, spans), default=0)):
        able = [at for at, own in enumerate(spans) if place < len(own)]
        given = _pick(answered, able, tuple(spans[at][place] for at in able))
        relevance = explain_answers(attribution, classifier, given).relevance
        for at, one in zip(able, relevance.detach().float().cpu(), strict=True):
            maps[at].append(one)
    empty = torch.zeros(0, *classifier.model.grid)
    return [
        TokenMaps(own, torch.stack(found) if found else empty)
        for own, found in zip(spans, maps, strict=True)
    ]


def part_text(text: str, tokens: Sequence[Span]) -> tuple[Span, ...]:
    """Return where the tokens of a text stand, without the space around them.

    Tokens that share a character, as bytes of one do, are one; tokens without any are none.

    >>> part_text("red car", [(0, 3), (3, 7), (7, 7)]), part_text("é", [(0, 1), (0, 1)])
    (((0, 3), (4, 7)), ((0, 1),))
    """
    found: list[Span] = []
    for start, stop in sorted(tokens):
        said = text[start:stop]
        start += len(said) - len(said.lstrip())
        stop -= len(said) - len(said.rstrip())
        if start >= stop:
            continue
        if found and start < found[-1][1]:
            start, stop = found[-1][0], max(stop, found.pop()[1])
        found.append((start, stop))
    return tuple(found)


def _pick(answered: Answered, places: Sequence[int], spans: tuple[Span, ...]) -> Answered:
    """Return some of the answers, of each a part to explain."""

    def at(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(values[place] for place in places)

    return Answered(
        answered.images[list(places)],
        at(answered.questions),
        at(answered.answers),
        at(answered.ids),
        None if answered.rivals is None else at(answered.rivals),
        spans,
    )
