"""What edited images ask of a spec and of an installation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.spec.document import Document
from rateval.spec.extras import Counterfactual
from rateval.spec.tables import Place

TABLE = "counterfactual"


def find_unedited(document: Document, at: Place, choice: Choice) -> list[Problem]:
    """Return a problem where a choice needs predictions under edits and the spec asks for none."""
    if not choice.by_edits or TABLE in document.data:
        return []
    return [
        Problem(
            document.where((*at, "use"), value=True),
            f"needs predictions under edits, which this study doesn't ask for; add the table "
            f"[{TABLE}] (docs/counterfactual.md), or leave this {choice.registered.kind} out",
        )
    ]


def find_unpaintable(document: Document) -> Iterator[Problem]:
    """Yield a problem for each key of ``[counterfactual]`` that needs a library not installed."""
    given = document.data.get(TABLE)
    if not isinstance(given, Mapping) or find_spec("cv2") is not None:
        return
    for key, needing in (("background", "swap"), ("object", "inpaint")):
        value = given.get(key, Counterfactual.model_fields[key].default)
        if value == needing:
            yield Problem(
                f'{document.where((TABLE, key), value=False)} = "{value}"',
                "needs OpenCV (cv2) to fill in objects, which is not installed; pip install "
                f'\'rateval[{TABLE}]\', or choose "grey" or "blur", which tell less',
            )
