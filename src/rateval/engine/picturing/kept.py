"""The pictures of a run: their steps once everything else has ended, and what came of them.

Maps of single tokens are made of the units that there are pictures of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rateval.api.protocols import Split
from rateval.data.splits import limit_split
from rateval.engine.failures import Failures
from rateval.engine.picturing.steps import (
    Study,
    list_judged,
    list_steps,
    record_pictures,
)
from rateval.engine.picturing.tokens import list_token_steps, record_tokens
from rateval.engine.results import Results
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.records.about.pictures import PicturesRecord
from rateval.records.about.tokens import TokensRecord
from rateval.records.key import Key
from rateval.records.step import Step
from rateval.store.store import Stored
from rateval.workbench.bench import Workbench


class Pictures:
    """The pictures of one run."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self._plan, self._bench = plan, bench
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._spoken: dict[str, Step] = {}
        """Steps of maps of single tokens, among ``steps``."""
        self._keys: dict[str, list[Key]] = {}
        """Cells by the identity of their predictions."""
        self.steps: dict[str, Step] = {}
        """Identity to step; none before ``lay_out``."""

    def lay_out(
        self, results: Results, failures: Failures, selected: Collection[str]
    ) -> frozenset[str]:
        """Lay out the steps by the cells that have verdicts; return those that may be done.

        They are made where some cell of their test was ``selected``.
        """
        spec = self._plan.spec
        judged = list(results.judged())
        study = Study(
            [cell.key for cell in self._plan.cells],
            self._plan.find,
            self._bench.inputs,
            self._identify,
            spec.run.limit,
            spec.run.limit_by,
        )
        seen = list_judged(judged, self._plan.validators)
        drawn = list_steps(study, seen, spec.report.pictures)
        told = list_token_steps(drawn, judged, self._bench, spec.report.tokens)
        self._spoken = {step.identity: step for step in told}
        self.steps = {step.identity: step for step in drawn} | self._spoken
        for one in judged:
            self._keys.setdefault(one.inferred.identity, []).append(one.cell.key)
        for step in self.steps.values():
            failures.name(step, [key for need in step.needs for key in self._keys.get(need, ())])
        chosen = set(selected)
        done = [step.identity for step in drawn if not chosen.isdisjoint(step.needs)]
        done += [name for name, step in self._spoken.items() if step.inputs["inferred"] in chosen]
        return frozenset(done)

    def keep(self, step: Step, stored: Stored) -> None:
        """Take note of a result, where it is that of pictures."""
        if step.identity in self.steps:
            self._facts[step.identity] = stored.facts

    def records(self) -> Iterator[PicturesRecord]:
        """Yield what there is, in the order of the tests."""
        planned = [cell.key for cell in self._plan.cells]
        for identity, step in self.steps.items():
            if identity in self._facts and identity not in self._spoken:
                yield from record_pictures(step, self._facts[identity], planned)

    def token_records(self) -> Iterator[TokensRecord]:
        """Yield what there is of single tokens, in the order of the pictures and their cells."""
        for identity, step in self._spoken.items():
            if identity in self._facts:
                keys = self._keys[step.inputs["inferred"]]
                yield from record_tokens(step, self._facts[identity], keys)

    def _identify(self, choice: Choice, seed: int | None) -> str:
        test: Split = self._bench.object(choice, seed).test
        run = self._plan.spec.run
        return limit_split(test, run.limit, run.limit_by).identity
