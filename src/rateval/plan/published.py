"""The published procedure, as data: ``aaai25.toml`` applied to the choices of a spec."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

from rateval.api.kinds import Kind
from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.spec.document import Document
from rateval.spec.tables import TABLES, Entry, Place

Protocol = Literal["matched", "aaai25"]
AAAI25: Protocol = "aaai25"


@dataclass(frozen=True, slots=True)
class Difference:
    """Params that the procedure sets, and what they change."""

    kind: Kind
    components: Sequence[str]
    set: Mapping[str, Any]
    says: str
    """Sentence for the report."""
    finetuners: Mapping[str, Mapping[str, bool]] | None = None
    """Methods that it is limited to, each with params that must be set, or left out."""

    def concerns(self, finetuner: Entry) -> bool:
        """Return whether it holds for what a method classifies."""
        if self.finetuners is None:
            return True
        given = self.finetuners.get(finetuner.use)
        return given is not None and all(
            (key in finetuner.params) is wanted for key, wanted in given.items()
        )


@dataclass(frozen=True, slots=True)
class Procedure:
    """The published procedure as ``aaai25.toml`` has it."""

    methods: Sequence[str]
    """Fine-tuning methods that it is known for."""
    differences: Sequence[Difference]

    def of(self, table: str, component: str) -> list[Difference]:
        """Return what is set for a component of a table."""
        kind = TABLES[table]
        return [d for d in self.differences if d.kind == kind and component in d.components]


@cache
def load_procedure() -> Procedure:
    """Read the ``aaai25.toml`` that ships with rateval."""
    file = resources.files("rateval.plan").joinpath("aaai25.toml")
    text = file.read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Procedure(data["methods"], [Difference(**row) for row in data["difference"]])


@dataclass(frozen=True, slots=True)
class _Variant:
    """The differences that hold for some methods, by their labels; None is all of them."""

    differences: Sequence[Difference]
    finetuners: tuple[str, ...] | None

    @property
    def params(self) -> dict[str, Any]:
        return {key: value for d in self.differences for key, value in d.set.items()}


class Publication:
    """The published procedure applied to a spec: new choices, problems and differences."""

    def __init__(
        self,
        document: Document,
        finetuners: Sequence[Entry],
        choose: Callable[[Place, Entry], Choice | list[Problem]],
        *,
        prevails: bool,
    ) -> None:
        """Take the methods of the spec and what chooses a component by an entry.

        ``prevails``: what the spec sets otherwise is replaced, and methods that the procedure is
        not known for are left out; else both are problems.
        """
        self._document = document
        self._procedure = load_procedure()
        self._choose = choose
        self._prevails = prevails
        self._finetuners = [entry for entry in finetuners if entry.use in self._procedure.methods]
        self._changes: dict[str, None] = {}
        self._unknown: dict[str, None] = {}
        self.problems: list[Problem] = []
        if prevails and not self._finetuners:
            methods = ", ".join(self._procedure.methods)
            advice = f"no method of the study is one of the paper's; add one of {methods}"
            self.problems.append(Problem(document.where(("finetune",), value=False), advice))

    @property
    def differences(self) -> tuple[str, ...]:
        """What the procedure changes in this study, a sentence each."""
        unknown = ", ".join(self._unknown)
        untouched = f"not of the paper, and therefore taken as the spec has it: {unknown}"
        return (*self._changes, *([untouched] if unknown else []))

    def publish(self, at: Place, entry: Entry, choice: Choice) -> list[Choice]:
        """Return what takes the place of a choice, several where it depends on the method."""
        table = str(at[0])
        if table == "finetune":
            return [choice] if self._knows(at, entry) else []
        found = self._procedure.of(table, entry.use)
        if not found and table in ("dataset", "model", "attribution", "evidence"):
            self._unknown[entry.use] = None
        variants = list(self._vary(found))
        if not self._prevails:
            self.problems += self._contradictions(at, entry, variants)
        made: list[Choice] = []
        for variant in variants:
            changed = entry.model_copy(update={"params": entry.params | variant.params})
            replaced = self._choose(at, changed)
            if isinstance(replaced, Choice):
                made.append(replace(replaced, finetuners=variant.finetuners))
                self._note(choice, replaced, variant)
            else:
                self.problems += replaced
        return made

    def _knows(self, at: Place, entry: Entry) -> bool:
        methods = self._procedure.methods
        if entry.use in methods:
            return True
        if self._prevails:
            self._changes[f"{entry.label} is left out: the paper has no such method"] = None
        else:
            self.problems.append(
                Problem(
                    self._document.where((*at, "use"), value=True),
                    f'study.protocol = "{AAAI25}" is known for {", ".join(methods)} alone, as the '
                    'paper has no other method; leave this one out, or set protocol = "matched"',
                )
            )
        return False

    def _vary(self, found: Sequence[Difference]) -> Iterator[_Variant]:
        if all(difference.finetuners is None for difference in found):
            yield _Variant(found, None)
            return
        labels: dict[tuple[bool, ...], list[str]] = {}
        for finetuner in self._finetuners:
            concerned = tuple(difference.concerns(finetuner) for difference in found)
            labels.setdefault(concerned, []).append(finetuner.label)
        for concerned, names in labels.items():
            chosen = [d for d, concerns in zip(found, concerned, strict=True) if concerns]
            yield _Variant(chosen, tuple(names))

    def _contradictions(
        self, at: Place, entry: Entry, variants: Sequence[_Variant]
    ) -> Iterator[Problem]:
        where = "".join(step if isinstance(step, str) else f"[{step}]" for step in at)
        for key, value in entry.params.items():
            given = json.dumps(value, default=str)
            wanted: dict[str, list[str]] = {}
            for variant in variants:
                if key in variant.params:
                    labels = wanted.setdefault(json.dumps(variant.params[key]), [])
                    labels += variant.finetuners or ()
            if wanted.keys() <= {given}:
                continue
            several = len(wanted) > 1
            values = " and ".join(
                f"{text} for {', '.join(labels)}" if several else text
                for text, labels in wanted.items()
            )
            yield Problem(
                self._document.where(("study", "protocol"), value=True),
                f"sets {where}.{key} itself, to {values}, where the spec has {given}; "
                f'leave {key} out, or set protocol = "matched"',
            )

    def _note(self, before: Choice, after: Choice, variant: _Variant) -> None:
        for difference in variant.differences:
            if any(getattr(before.params, k) != getattr(after.params, k) for k in difference.set):
                self._changes[difference.says] = None
