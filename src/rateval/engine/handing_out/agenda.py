"""The order in which steps are done: each after those that it needs, else as in the plan.

What a step needs that is not among the steps is there already.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping

from rateval.records.step import Step


class Agenda:
    """The steps that are left, and which of them can be done now.

    >>> first, second = Step("infer", "a", "1", {}), Step("judge", "b", "2", {}, needs=("1",))
    >>> agenda = Agenda({"2": second, "1": first})
    >>> agenda.take() is first, agenda.take()
    (True, None)
    >>> agenda.finish("1")
    >>> agenda.take() is second
    True
    """

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = list(steps.values())
        self._place = {step.identity: place for place, step in enumerate(self._steps)}
        self._wanting = {step.identity: set(step.needs) & steps.keys() for step in self._steps}
        self._needed_by: defaultdict[str, list[str]] = defaultdict(list)
        for step in self._steps:
            for needed in self._wanting[step.identity]:  # each once, whatever the step says
                self._needed_by[needed].append(step.identity)
        self._ready = [
            place for place, step in enumerate(self._steps) if not self._wanting[step.identity]
        ]

    def take(self, prefer: Callable[[Step], bool] | None = None) -> Step | None:
        """Return the first step that can be done now, once; None when there is none.

        Where that one needs something loaded, another one that is preferred comes before it.
        """
        if not self._ready:
            return None
        first = self._steps[self._ready[0]]
        if prefer is not None and first.demand.affinity is not None and not prefer(first):
            place = min((at for at in self._ready if prefer(self._steps[at])), default=None)
            if place is not None:
                self._ready.remove(place)
                heapq.heapify(self._ready)
                return self._steps[place]
        return self._steps[heapq.heappop(self._ready)]

    def take_this(self, identity: str) -> Step | None:
        """Return a step by its identity, once; None where it can't be done now."""
        place = self._place.get(identity)
        if place is None or place not in self._ready:
            return None
        self._ready.remove(place)
        heapq.heapify(self._ready)
        return self._steps[place]

    def finish(self, identity: str) -> None:
        """Take note that a step has its result."""
        for other in self._needed_by.pop(identity, ()):
            wanting = self._wanting.get(other)
            if wanting is not None:  # else it was dropped
                wanting.discard(identity)
                if not wanting:
                    heapq.heappush(self._ready, self._place[other])

    def drop(self, identity: str) -> list[str]:
        """Take note that a step has no result; return what goes with it: all that needs it."""
        gone: list[str] = []
        for other in self._needed_by.pop(identity, ()):
            if self._wanting.pop(other, None) is not None:
                gone += [other, *self.drop(other)]
        return gone
