"""Steps that are done along with each other: one pass explains by several attributions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rateval.engine.cell_steps import CellSteps
from rateval.engine.handing_out.shards import cut_inputs
from rateval.records.facts import InferFacts
from rateval.records.step import Step
from rateval.store.identity import identify, identify_result
from rateval.store.store import Store


def find_sharing(cells: Sequence[CellSteps]) -> dict[str, tuple[CellSteps, ...]]:
    """Return which cells are explained from one pass, by the identities of their explanations.

    They have one classifier and one test, and attributions of one plugin that share the same.
    """
    groups: dict[Hashable, dict[str, CellSteps]] = {}
    for steps in cells:
        registered = steps.cell.attribution.registered
        if registered.component.shares:
            test = {name: of for name, of in steps.infer.inputs.items() if name != "attribution"}
            named = str(registered.plugin), registered.component.shares
            group = groups.setdefault((identify(test), steps.cell.seed, *named), {})
            group.setdefault(steps.infer.identity, steps)
    return {
        identity: tuple(group.values())
        for group in groups.values()
        if len(group) > 1
        for identity in group
    }


def part_of(step: Step, part: range) -> str:
    """Return the identity of a part of a step, which may be all of it."""
    if len(part) == step.units:
        return step.identity
    return identify_result(step.stage, cut_inputs(step, part))


class Companions:
    """Steps that are done one after another, the first of which does the others' work as well.

    What it wrote for them waits in a folder until their turn, so that no two results are in hand at
    once: each is made under a lock of its own, and nobody waits for one while having another.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, Step] = {}
        self._left: dict[str, tuple[Path, InferFacts]] = {}
        self._spent: dict[str, float] = {}
        self._stack = ExitStack()

    @contextmanager
    def doing(self, step: Step) -> Iterator[None]:
        """Have steps in hand: one, and those beside it."""
        self._waiting = {one.identity: one for one in step.beside}
        try:
            with ExitStack() as self._stack:
                yield
        finally:
            self._waiting.clear()
            self._left.clear()
            self._spent.clear()

    def begin(self, step: Step) -> None:
        """Take note that it is a step's turn."""
        self._waiting.pop(step.identity, None)

    def beside(self, sharing: Sequence[CellSteps], part: range) -> list[CellSteps]:
        """Return the cells whose turn is to come, but for those that another run has in work."""
        found = []
        for steps in sharing if self._waiting else ():
            identity = part_of(steps.infer, part)
            if identity in self._waiting and identity not in self._left:
                stored = self._store.fetch(steps.infer.stage, steps.infer.inputs)
                if stored is None and self._store.is_free(identity):
                    found.append(steps)
        return found

    def part(self) -> None:
        """Let each step be done by itself from now on."""
        self._waiting.clear()

    def folders(self, identities: Sequence[str]) -> list[Path]:
        """Return new folders for what is written ahead of its turn."""
        if not identities:
            return []
        aside = self._stack.enter_context(self._store.aside("infer"))
        folders = [aside / identity for identity in identities]
        for folder in folders:
            folder.mkdir()
        return folders

    def leave(self, identity: str, folder: Path, facts: InferFacts) -> None:
        """Take note of what is written ahead of its turn."""
        self._left[identity] = folder, facts

    def take(self, identity: str, folder: Path) -> InferFacts | None:
        """Move what was written ahead into a step's own folder; None where nothing was."""
        if identity not in self._left:
            return None
        written, facts = self._left.pop(identity)
        for path in sorted(written.iterdir()):
            path.replace(folder / path.name)
        return facts

    def share(self, seconds: float, own: str, others: Sequence[str]) -> None:
        """Take note of what a pass took, of which each step bears an equal part."""
        each = seconds / (1 + len(others))
        self._spent |= dict.fromkeys(others, each) | {own: each - seconds}

    def spent(self, identity: str) -> float:
        """Return the seconds that a step bears of a pass, beyond those of its own turn."""
        return self._spent.get(identity, 0.0)
