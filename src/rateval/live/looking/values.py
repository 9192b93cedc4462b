"""What was found out about one photo, as a value that draws and tells itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.inspection.sheet.drawing import draw_evidence
from rateval.live.looking.heat import overlay
from rateval.live.looking.sheet import SIDE, Panel, draw_sheet


@dataclass(frozen=True, slots=True)
class Judged:
    """What one validator says of the photo's evidence."""

    validator: str
    score: float | None
    """None where it is undefined."""
    valid: bool | None
    """None where nothing is known."""
    undefined: str
    """Why; empty where it is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """The photo edited, and what is predicted then."""

    title: str
    donor: str
    """Id of the photo whose background it has; empty without one."""
    prediction: str
    probability: float
    """Of the answer that the whole photo gets, whatever is predicted now."""
    kept: bool
    """Whether the answer stays."""
    picture: Image.Image
    """RGB, as the model sees it."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Looked(ABC):
    """One photo explained, whatever is said of it."""

    image: str
    """Path, as it was given."""
    model: str
    architecture: str
    method: str
    attribution: str
    label: str | None
    """What is right; None where nobody said it."""
    prediction: str
    """The class, or the text."""
    relevance: NDArray[np.float16]
    """(rows, columns) of patches, scaled to a maximum of 1."""
    seen: Image.Image
    """RGB, the photo as the model sees it."""
    mask: NDArray[np.bool_] | None
    """(H, W) of ``seen``; None without one."""
    judged: tuple[Judged, ...]
    edits: tuple[Edited, ...]
    notes: tuple[str, ...]
    """What was left out and why, and what has to be known of the photo or the model."""

    @property
    @abstractmethod
    def explained(self) -> str:
        """What the map explains; empty where the attribution takes nothing."""

    @abstractmethod
    def sentences(self) -> Iterator[str]:
        """Yield what a person should read first, then the notes."""

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """Return all but the pictures as JSON values."""

    @abstractmethod
    def summary(self) -> tuple[str, ...]:
        """Return lines that tell below the photo what is said of it."""

    def png(self) -> bytes:
        """Draw photo, relevance, evidence and edits side by side, with words below."""
        return draw_sheet(self.image, list(self.panels()), list(self.sentences()))

    def _repr_png_(self) -> bytes:
        return self.png()

    def panels(self) -> Iterator[Panel]:
        """Yield the pictures with their words."""
        yield Panel(self.seen, f"as {self.model} sees it", self.summary())
        of = f"relevance for {self.explained}" if self.explained else "relevance"
        yield Panel(overlay(self.seen, self.relevance), of, (self.attribution,), legend=True)
        if self.mask is not None:
            lines = tuple(map(explain_verdict, self.judged))
            yield Panel(draw_evidence(self.seen, self.mask, SIDE), "evidence", lines)
        for edit in self.edits:
            lines = (explain_edit(edit, self.prediction), *((edit.donor,) if edit.donor else ()))
            yield Panel(edit.picture, edit.title, lines)

    def _told(self) -> str:
        """Return whether what is said is right, where that is known."""
        if self.label is None:
            return ""
        return ": right" if self.right else f": wrong, it is {self.label}"

    @property
    def right(self) -> bool:
        """Whether what is said is right; never, where nobody said what is."""
        return self.label == self.prediction

    def found_as_json(self) -> dict[str, Any]:
        """Return evidence, edits and notes as JSON values."""
        edits = [
            {
                "title": edit.title,
                "donor": edit.donor or None,
                "prediction": edit.prediction,
                "probability": edit.probability,
                "kept": edit.kept,
            }
            for edit in self.edits
        ]
        judged = [
            {
                "validator": one.validator,
                "score": one.score,
                "valid": one.valid,
                "undefined": one.undefined or None,
            }
            for one in self.judged
        ]
        return {
            "attribution": self.attribution,
            "explained": self.explained or None,
            "relevance": self.relevance.astype(float).tolist(),
            "mask_area": None if self.mask is None else float(self.mask.mean()),
            "judged": judged,
            "edits": edits,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Look(Looked):
    """One photo of one of several classes: the same numbers as in a run's row of it."""

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    """One for each class."""
    target: str
    """The class whose score the map explains; empty where the attribution takes none."""

    @property
    def explained(self) -> str:
        """The class whose score the map explains; empty where the attribution takes none."""
        return self.target

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the most probable classes, each with its probability; equal ones in order."""
        order = np.argsort(-np.array(self.probabilities), kind="stable")[:count]
        return [(self.classes[at], self.probabilities[at]) for at in order]

    def summary(self) -> tuple[str, ...]:
        """Return the most probable classes."""
        return tuple(f"{name} {100 * share:.1f} %" for name, share in self.top(3))

    def sentences(self) -> Iterator[str]:
        """Yield what a person should read first, then the notes."""
        share = 100 * self.probabilities[self.classes.index(self.prediction)]
        yield f"predicted {self.prediction} with {share:.1f} %{self._told()}"
        yield from self.notes

    def as_json(self) -> dict[str, Any]:
        """Return all but the pictures as JSON values."""
        return {
            "image": self.image,
            "model": self.model,
            "architecture": self.architecture,
            "method": self.method,
            "label": self.label,
            "prediction": self.prediction,
            "probabilities": dict(zip(self.classes, self.probabilities, strict=True)),
            **self.found_as_json(),
        }


def explain_verdict(judged: Judged) -> str:
    """Return a verdict in words.

    >>> explain_verdict(Judged("relevance-mass", 0.25, False, ""))
    'relevance-mass 0.250: not valid'
    >>> explain_verdict(Judged("relevance-mass", None, None, "empty mask"))
    'relevance-mass: not known (empty mask)'
    """
    if judged.score is None:
        return f"{judged.validator}: not known ({judged.undefined})"
    return f"{judged.validator} {judged.score:.3f}: {'valid' if judged.valid else 'not valid'}"


def explain_edit(edit: Edited, answer: str) -> str:
    """Return in words what an edit does to the answer."""
    share = f"{answer} {100 * edit.probability:.1f} %"
    return f"{share}, stays" if edit.kept else f"{share}, now {edit.prediction}"
