"""What a model said of one photo, as a value that draws and tells itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rateval.live.looking.heat import overlay
from rateval.live.looking.sheet import Panel
from rateval.live.looking.values import Looked


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One token of a text, and its map."""

    text: str
    start: int
    """Where it stands, in characters."""
    stop: int
    relevance: NDArray[np.float16]
    """(rows, columns) of patches, scaled to a maximum of 1."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TextLook(Looked):
    """One photo that a model answered a question about, or wrote a caption of."""

    question: str
    """Empty where a caption was asked for."""
    is_right: bool
    """Whether that is what is right, as studies compare it."""
    likelihood: float
    """Sum of the natural log probabilities of the text's tokens, its end included."""
    blank: str
    """What is said to a blank image."""
    phrase: str
    """The part that the map explains, as it stands there; empty for all of it."""
    tokens: tuple[Token, ...]
    """Those that have a map of their own."""

    @property
    def explained(self) -> str:
        """The text, or the part of it, that the map explains."""
        return self.phrase or self.prediction

    @property
    def right(self) -> bool:
        """Whether what is said is right; never, where nobody said what is."""
        return self.is_right

    def summary(self) -> tuple[str, ...]:
        """Return what was asked and said."""
        asked = (self.question,) if self.question else ()
        return (*asked, f"{self.prediction} {self._share}")

    @property
    def _share(self) -> str:
        return f"{100 * math.exp(self.likelihood):.1f} %"

    def panels(self) -> Iterator[Panel]:
        """Yield the pictures with their words, single tokens of several at the end."""
        yield from Looked.panels(self)
        for token in self.tokens if len(self.tokens) > 1 else ():
            yield Panel(overlay(self.seen, token.relevance), token.text, ("this token alone",))

    def sentences(self) -> Iterator[str]:
        """Yield what a person should read first, then the notes."""
        says = "answers" if self.question else "says"
        yield f"{says} {self.prediction} with {self._share}{self._told()}"
        same = self.blank == self.prediction
        yield f"to a blank image it {says} " + ("the same" if same else self.blank or "nothing")
        yield from self.notes

    def as_json(self) -> dict[str, Any]:
        """Return all but the pictures as JSON values."""
        return {
            "image": self.image,
            "model": self.model,
            "architecture": self.architecture,
            "method": self.method,
            "question": self.question or None,
            "label": self.label,
            "prediction": self.prediction,
            "right": None if self.label is None else self.right,
            "likelihood": self.likelihood,
            "blank_prediction": self.blank,
            "phrase": self.phrase or None,
            **self.found_as_json(),
            "tokens": [
                {
                    "text": one.text,
                    "start": one.start,
                    "stop": one.stop,
                    "relevance": one.relevance.astype(float).tolist(),
                }
                for one in self.tokens
            ],
        }
