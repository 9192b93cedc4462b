"""The live objects of a run, each made when it is first needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rateval.api.component import Context
from rateval.api.protocols import Classifier, Model, Split
from rateval.api.tasks.task import Posed, Task
from rateval.api.training import Finetuner
from rateval.data.checked_shift import CheckedShift
from rateval.data.shifted import TrainShifted
from rateval.errors import PluginError
from rateval.plan.cells import Choice
from rateval.plan.seeds import object_seed
from rateval.store.identity import identify
from rateval.workbench.build import build, check_handed_over, determine

_Key = tuple[str, int | None]
"""Identity of a choice, and the seed that it is made with if it depends on that."""


@dataclass(frozen=True, slots=True)
class Given:
    """An object that is there before the run, in this process alone."""

    object: Any
    digest: str
    """Names everything that determines the object; two that are equal give equal results."""


class Workbench:
    """The objects of a run, what determines them, and the classifier in use.

    A choice that depends on the study's seed has an object per seed, any other one has one.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._names: dict[int, tuple[Choice, str]] = {}
        """Choices that were asked for, by ``id``, with their identity: it is a digest."""
        self._objects: dict[_Key, Any] = {}
        self._determined: dict[_Key, dict[str, Any]] = {}
        self._failed: dict[_Key, tuple[Choice, BaseException]] = {}
        """What could not be made, and why: nobody tries twice."""
        self._classifier: tuple[str, Classifier] | None = None
        self._given: set[_Key] = set()

    def give(self, choice: Choice, given: Given) -> None:
        """Take an object in place of the one that the factory of ``choice`` would make.

        A model that is given is used as it is, never copied: who gives it trains nothing here.
        """
        key = self._key(choice, None)
        self._given.add(key)
        self._objects[key] = check_handed_over(choice, given.object, None)
        self._determined[key] = choice.describe() | {"digest": given.digest}

    def stand_in(self, choice: Choice, seed: int | None, there: Any) -> None:
        """Take an object as it is in place of the one that the factory of ``choice`` would make.

        It is for what is known of an object that isn't there any more; nothing of it is checked.
        """
        self._objects[self._key(choice, seed)] = there

    def has(self, choice: Choice, seed: int | None) -> bool:
        """Return whether the object of a choice is made already."""
        return self._key(choice, seed) in self._objects

    def object(self, choice: Choice, seed: int | None) -> Any:
        """Return the object of a choice; ``seed`` may be None when it doesn't depend on any.

        Raises what making it raises, the same each time.
        """
        key = self._key(choice, seed)
        if key in self._failed:
            raise self._failed[key][1]
        if key not in self._objects:
            try:
                self._objects[key] = self._make(choice, seed)
            except (Exception, SystemExit) as error:
                self._failed[key] = choice, error
                raise
        return self._objects[key]

    def _make(self, choice: Choice, seed: int | None) -> Any:
        if choice.train_shift is not None:
            by = identify(self.inputs(choice.train_shift, seed))
            shift = self.object(choice.train_shift, seed)
            return TrainShifted(self.object(choice.plain, seed), shift, by)
        context = dataclasses.replace(self.context, seed=object_seed(choice, seed) or 0)
        return check_handed_over(choice, build(choice, context), seed)

    def shift(self, choice: Choice | None, whole: Split, seed: int | None) -> CheckedShift | None:
        """Return a shift as it acts on the samples of a whole split; None where none is asked for.

        Raises what making it raises.
        """
        if choice is None:
            return None
        made: CheckedShift = self.object(choice, seed)
        return made.among(whole)

    def find_culprit(self, error: BaseException) -> Choice | None:
        """Return the choice that could not be made because of ``error``, or None."""
        return next((choice for choice, why in self._failed.values() if why is error), None)

    def inputs(self, choice: Choice, seed: int | None) -> dict[str, Any]:
        """Return what determines the object of a choice, without making it."""
        key = self._key(choice, seed)
        if key not in self._determined:
            self._determined[key] = determine(choice, key[1])
        return self._determined[key]

    def task(self, choice: Choice, seed: int | None) -> Posed:
        """Return the task that a dataset poses."""
        assert choice.task is not None  # a plan gives every dataset its own
        task: Task = self.object(choice.task, None)
        return task.pose(self.object(choice, seed))

    @contextmanager
    def lending(self, choice: Choice, seed: int | None, finetuner: Finetuner) -> Iterator[Model]:
        """Yield a model for a method to fit or restore a classifier; a loaded one stays as it was.

        It is a copy that may be trained in place; where the method says that it leaves the weights
        as they are, these aren't copied. Raises PluginError where it doesn't.
        """
        # Here, so that who compares stored runs needn't wait for torch.
        from rateval.modelkit.texts.embedded import copy_sharing_texts
        from rateval.workbench.lending import Lent, leaves_weights

        model: Model = self.object(choice, seed)
        if self._key(choice, seed) in self._given:
            yield model
            return
        if not leaves_weights(finetuner):
            yield copy_sharing_texts(model)
            return
        lent = Lent(model)
        try:
            yield lent.copy
        finally:
            changed = lent.find_changed()
            if changed is not None:  # who needs the model next loads it anew
                del self._objects[self._key(choice, seed)]
        if changed is not None:
            raise PluginError(
                "the finetuner has leaves_weights = True, so that the model isn't copied for it, "
                f"and changes {changed} in place",
                kind="finetuner",
            )

    def keep_classifier(self, identity: str, classifier: Classifier) -> None:
        """Keep one classifier for the cells that follow, and let go of the one before."""
        self._classifier = (identity, classifier)

    def classifier(self, identity: str) -> Classifier | None:
        """Return the kept classifier if it is the one of that identity."""
        if self._classifier is None or self._classifier[0] != identity:
            return None
        return self._classifier[1]

    def _key(self, choice: Choice, seed: int | None) -> _Key:
        # By identity, so that an equal choice finds the same object. It is kept with its id, which
        # would else become another one's.
        if id(choice) not in self._names:
            self._names[id(choice)] = choice, choice.identity
        return self._names[id(choice)][1], object_seed(choice, seed)
