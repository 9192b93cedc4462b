"""What was found out about one photo, as a value that draws and tells itself."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One photo explained: the same numbers as in a run's row of it."""

    image: str
    """Path, as it was given."""
    model: str
    architecture: str
    method: str
    attribution: str
    classes: tuple[str, ...]
    label: str | None
    prediction: str
    probabilities: tuple[float, ...]
    """One for each class."""
    explained: str
    """The class whose score the map explains; empty where the attribution takes none."""
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

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the most probable classes, each with its probability; equal ones in order."""
        order = np.argsort(-np.array(self.probabilities), kind="stable")[:count]
        return [(self.classes[at], self.probabilities[at]) for at in order]

    def png(self) -> bytes:
        """Draw photo, relevance, evidence and edits side by side, with words below."""
        return draw_sheet(self.image, list(self._panels()), list(self.sentences()))

    def _repr_png_(self) -> bytes:
        return self.png()

    def _panels(self) -> Iterator[Panel]:
        top = tuple(f"{name} {100 * share:.1f} %" for name, share in self.top(3))
        yield Panel(self.seen, f"as {self.model} sees it", top)
        of = f"relevance for {self.explained}" if self.explained else "relevance"
        yield Panel(overlay(self.seen, self.relevance), of, (self.attribution,), legend=True)
        if self.mask is not None:
            lines = tuple(map(explain_verdict, self.judged))
            yield Panel(draw_evidence(self.seen, self.mask, SIDE), "evidence", lines)
        for edit in self.edits:
            lines = (explain_edit(edit, self.prediction), *((edit.donor,) if edit.donor else ()))
            yield Panel(edit.picture, edit.title, lines)

    def sentences(self) -> Iterator[str]:
        """Yield what a person should read first, then the notes."""
        share = 100 * self.probabilities[self.classes.index(self.prediction)]
        told = ""
        if self.label is not None:
            told = ": right" if self.label == self.prediction else f": wrong, it is {self.label}"
        yield f"predicted {self.prediction} with {share:.1f} %{told}"
        yield from self.notes

    def as_json(self) -> dict[str, Any]:
        """Return all but the pictures as JSON values."""
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
            "image": self.image,
            "model": self.model,
            "architecture": self.architecture,
            "method": self.method,
            "label": self.label,
            "prediction": self.prediction,
            "probabilities": dict(zip(self.classes, self.probabilities, strict=True)),
            "attribution": self.attribution,
            "explained": self.explained or None,
            "relevance": self.relevance.astype(float).tolist(),
            "mask_area": None if self.mask is None else float(self.mask.mean()),
            "judged": judged,
            "edits": edits,
            "notes": list(self.notes),
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
