"""Live objects made from choices, and what determines them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable
from typing import Any

from typing_extensions import get_protocol_members

from rateval.api.component import Context
from rateval.api.kinds import KINDS
from rateval.data.checked import CheckedDataset
from rateval.data.checked_shift import CheckedShift
from rateval.errors import PluginError, RatevalError, naming
from rateval.plan.behind_urls import calling_by_urls, fetch_params
from rateval.plan.cells import Choice
from rateval.plan.published import AAAI25
from rateval.plan.seeds import factory_seed
from rateval.registry.file_component import is_from_file
from rateval.registry.references import follow, load_factory, load_reference
from rateval.registry.registry import Registered
from rateval.store.identity import identify
from rateval.wording import describe

_TEXTS = "rateval.api.tasks.texts:TextModel"


def name_plugin(choice: Choice) -> str:
    """Return a component's name and its plugin's, such as ``model "tiny" of plugin "acme" (…)``."""
    return f'{choice.registered.kind} "{choice.label}" of {choice.registered.plugin}'


def build(choice: Choice, context: Context) -> Any:
    """Call a component's factory.

    Raises PluginError when the object lacks a member of its protocol or the plugin wants to exit,
    and whatever the factory raises, with a note that names the plugin.
    """
    registered = choice.registered
    factory = load_factory(registered)
    seed = factory_seed(choice.plain, context.seed)
    name = name_plugin(choice)
    params = fetch_params(registered, choice.params, choice.label)
    try:
        with calling_by_urls():
            built = factory(params, dataclasses.replace(context, seed=seed))
    except RatevalError:
        raise
    except Exception as error:
        error.add_note(f"raised by the {name}")
        raise
    except SystemExit as error:
        raise PluginError(
            f"the {name}: its factory ended with SystemExit: {error}; it must return an object or "
            "raise an error",
            kind=registered.kind,
        ) from error
    protocol = registered.component.protocol or KINDS[registered.kind].protocol
    members = get_protocol_members(follow(protocol))
    lacking = sorted(member for member in members if not _offers(built, member, name))
    if lacking:
        raise PluginError(
            f'{registered.plugin}: the {registered.kind} "{registered.component.name}" lacks '
            f"{', '.join(lacking)}; {_advise(registered, built)}"
        )
    return built


def _advise(registered: Registered, built: object) -> str:
    """Return what to do about an object that lacks members of its protocol."""
    written = (inspect.getattr_static(built, name, None) for name in ("generate", "score"))
    answers = all(method is not None for method in written)
    if registered.kind != "model" or registered.component.protocol or not answers:
        return "rateval.testing checks such things"
    say = f'protocol="{_TEXTS}" in its Component'
    if is_from_file(registered):
        say = f'{registered.component.name}_protocol = "{_TEXTS}" beside the function'
    return f"if it is a model that answers by texts, write {say}"


def require_factories(choices: Iterable[Choice]) -> None:
    """Raise PluginError when a factory can't be imported, before anything is done.

    Those of models wait for their turn: importing them takes seconds, and training begins later.
    """
    for choice in choices:
        if choice.registered.kind != "model":
            load_reference(choice.registered, "factory")


def _offers(built: object, member: str, name: str) -> bool:
    """Return whether an object has a member. Raises PluginError where a property of it fails."""
    declared = inspect.getattr_static(built, member, None) is not None
    with naming(f"the {name}: its {member}"):
        try:
            getattr(built, member)
        except AttributeError:
            if declared:
                raise
            return False
    return True


def check_handed_over(choice: Choice, built: Any, seed: int | None) -> Any:
    """Return the object of a choice such that a study checks what it hands over.

    The splits of a dataset from a file are named after all that determines it as well: nobody
    raises the version of a file.
    """
    name = f"the {name_plugin(choice)}"
    if choice.registered.kind == "dataset":
        # The published list of ImageNet's classes has two names twice.
        published = getattr(choice.params, "protocol", None) == AAAI25
        made_by = identify(determine(choice, seed)) if is_from_file(choice.registered) else ""
        return CheckedDataset(built, name, equal_names=published, made_by=made_by)
    return CheckedShift(built, name) if choice.registered.kind == "shift" else built


def determine(choice: Choice, seed: int | None) -> dict[str, Any]:
    """Return everything that determines the object of a choice, its checkpoint's bytes included.

    ``seed`` counts only where the choice depends on it.
    """
    values = choice.describe()
    component = choice.registered.component
    if component.digest:
        digest = load_reference(choice.registered, "digest")
        name = f"the {name_plugin(choice)}: its digest"
        params = fetch_params(choice.registered, choice.params, choice.label)
        with naming(name), calling_by_urls():
            values["digest"] = digest(params)
        if not isinstance(values["digest"], str):
            raise PluginError(f"{name} must be text; got {describe(values['digest'])}")
    if choice.train_shift is not None:
        values["train_shift"] = determine(choice.train_shift, seed)
    if choice.seeded:
        values["seed"] = seed
    return values
