"""What the components that are here recognise, and why each of the others doesn't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from rateval.api.kinds import Kind
from rateval.api.params import Params
from rateval.errors import PluginError, RatevalError, naming
from rateval.modelkit.clues import Clues, Guess
from rateval.registry.catalogue import explain_missing
from rateval.registry.references import load_reference, parse_params
from rateval.registry.registry import Registered, Registry


@dataclass(frozen=True, slots=True)
class Recognised:
    """A component with its guess."""

    registered: Registered
    guess: Guess

    @property
    def name(self) -> str:
        """What ``use`` names."""
        return self.registered.component.name

    def lacking(self, what: str) -> Recognised:
        """Return the same, which cannot run for want of ``what``."""
        return Recognised(self.registered, replace(self.guess, lacks=what))


@dataclass(frozen=True, slots=True)
class Guesses:
    """All guesses of a kind, the surest first, and what refusals said."""

    found: Sequence[Recognised]
    refusals: Sequence[str]
    asked: Sequence[str]
    """Names of the components that looked."""


def recognise(kind: Kind, clues: Clues, registry: Registry, task: str = "") -> Guesses:
    """Ask every component of a kind that can recognise something.

    Those alone are asked that serve a ``task``, where one is named.

    Raises PluginError when one of them fails otherwise than by a RatevalError.
    """
    found, refusals, asked = [], [], []
    for registered in registry.of_kind(kind):
        serves = not task or task in registered.component.tasks
        if not registered.component.detect or not serves:
            continue
        asked.append(registered.component.name)
        try:
            guess = _ask(registered, clues)
        except PluginError:
            raise
        except RatevalError as error:  # nearly what it reads
            refusals.append(str(error))
            continue
        if guess is not None:
            found.append(Recognised(registered, guess))
    found.sort(key=lambda one: -one.guess.sure)  # stable, so by the order of registration
    return Guesses(found, refusals, asked)


def _ask(registered: Registered, clues: Clues) -> Guess | None:
    detect = load_reference(registered, "detect")
    name = f'{registered.plugin}: detect of the {registered.kind} "{registered.component.name}"'
    with naming(name):
        guess = detect(clues)
    if guess is not None and not isinstance(guess, Guess):
        raise PluginError(
            f"{name} returned {guess!r:.100}; it must return a rateval.modelkit.Guess or None"
        )
    return guess


def require_usable(one: Recognised, what: str) -> Params:
    """Return a guess's checked params.

    Raises RatevalError, beginning with ``what`` it is about, when something must be there first,
    and PluginError when the params are not those of the component.
    """
    missing = explain_missing(one.registered)
    if missing is not None or one.guess.lacks:
        raise RatevalError(
            f"{what}: {one.guess.why}, which {one.name} reads; {missing or one.guess.lacks}"
        )
    try:
        return parse_params(one.registered, one.guess.params)
    except ValidationError as error:
        faults = "; ".join(fault["msg"] for fault in error.errors())
        raise RatevalError(f"{what}: {one.guess.why}, which {one.name} reads; {faults}") from error
