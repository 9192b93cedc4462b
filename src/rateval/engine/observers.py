"""The observer hooks of all plugins: one that fails is reported and disturbs nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rateval.registry.registry import Registry


class Observers:
    """The observer hooks of all plugins, called so that one that fails disturbs nobody."""

    def __init__(self, registry: Registry, warn: Callable[[str], None]) -> None:
        self._hooks = registry.manager.hook
        self._warn = warn

    def notify(self, hook: str, **values: Any) -> None:
        """Call a hook of all plugins, in the order of their registration."""
        for implementation in getattr(self._hooks, hook).get_hookimpls():
            asked = {name: values[name] for name in implementation.argnames}
            try:
                implementation.function(**asked)
            except (Exception, SystemExit) as error:  # an observer must not cost anybody a run
                self._warn(
                    f"{hook} of {implementation.plugin_name} failed with "
                    f"{type(error).__name__}: {error}"
                )
