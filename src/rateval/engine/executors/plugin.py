"""Entry point ``local`` of rateval's own distribution; strings only."""

from __future__ import annotations

from rateval.api import Component, hookimpl

LOCAL = Component(
    name="local",
    summary="Steps in this process, or in several processes of this computer",
    factory="rateval.engine.executors.local:make_local",
    params="rateval.engine.executors.params:LocalParams",
)


@hookimpl
def rateval_register_executors() -> list[Component]:
    """Return the executor of this computer."""
    return [LOCAL]
