"""Live objects made from choices, and what determines them."""

from __future__ import annotations

import dataclasses
from typing import Any

from typing_extensions import get_protocol_members

from rateval.api.component import Context
from rateval.api.kinds import KINDS
from rateval.errors import PluginError, RatevalError
from rateval.plan.cells import Choice
from rateval.plan.seeds import factory_seed
from rateval.registry.references import follow, load_reference


def build(choice: Choice, context: Context) -> Any:
    """Call a component's factory.

    Raises PluginError when the object lacks a member of its protocol, and whatever the factory
    raises, with a note that names the plugin.
    """
    registered = choice.registered
    factory = load_reference(registered, "factory")
    seed = factory_seed(choice, context.seed)
    try:
        built = factory(choice.params, dataclasses.replace(context, seed=seed))
    except RatevalError:
        raise
    except Exception as error:
        error.add_note(f'raised by the {registered.kind} "{choice.label}" of {registered.plugin}')
        raise
    members = get_protocol_members(follow(KINDS[registered.kind].protocol))
    lacking = sorted(member for member in members if not hasattr(built, member))
    if lacking:
        raise PluginError(
            f'{registered.plugin}: the {registered.kind} "{registered.component.name}" lacks '
            f"{', '.join(lacking)}; rateval.testing checks such things"
        )
    return built


def determine(choice: Choice, seed: int | None) -> dict[str, Any]:
    """Return everything that determines the object of a choice, its checkpoint's bytes included.

    ``seed`` counts only where the choice depends on it.
    """
    values = choice.describe()
    component = choice.registered.component
    if component.digest:
        values["digest"] = load_reference(choice.registered, "digest")(choice.params)
    if choice.seeded:
        values["seed"] = seed
    return values
