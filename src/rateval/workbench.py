"""The live objects of a run, each made when it is first needed."""

from __future__ import annotations

import copy
from typing import Any

from rateval.component import Context
from rateval.plan import Choice
from rateval.protocols import Classifier, Model
from rateval.stages.load import build, determine


class Workbench:
    """Keep objects, what determines them, and the classifier in use."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._objects: dict[int, Any] = {}
        self._determined: dict[int, dict[str, Any]] = {}
        self._classifier: tuple[str, Classifier] | None = None

    def has(self, choice: Choice) -> bool:
        """Tell whether the object of a choice is made already."""
        return id(choice) in self._objects

    def object(self, choice: Choice) -> Any:
        """Return the object of a choice."""
        if not self.has(choice):
            self._objects[id(choice)] = build(choice, self.context)
        return self._objects[id(choice)]

    def inputs(self, choice: Choice) -> dict[str, Any]:
        """Return what determines the object of a choice, without making it."""
        if id(choice) not in self._determined:
            self._determined[id(choice)] = determine(choice, self.context.seed)
        return self._determined[id(choice)]

    def copy_model(self, choice: Choice) -> Model:
        """Return a model that may be trained in place; the loaded one stays as it was."""
        model: Model = copy.deepcopy(self.object(choice))
        return model

    def keep_classifier(self, identity: str, classifier: Classifier) -> None:
        """Keep one classifier for the cells that follow, and let go of the one before."""
        self._classifier = (identity, classifier)

    def classifier(self, identity: str) -> Classifier | None:
        """Return the kept classifier if it is the one of that identity."""
        if self._classifier is None or self._classifier[0] != identity:
            return None
        return self._classifier[1]
