"""The observer hooks of all plugins, and the study's trackers: one that fails disturbs nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rateval.engine.telling.trackers import Trackers

if TYPE_CHECKING:
    from rateval.plan.plan import Plan
    from rateval.registry.registry import Registry
    from rateval.workbench.bench import Workbench


class Observers:
    """The observer hooks of all plugins, and the trackers that the study names.

    One that fails when it is called disturbs nobody. Raises what making a tracker raises: what a
    study names has to be there before anything is trained.
    """

    def __init__(
        self, registry: Registry, plan: Plan, bench: Workbench, warn: Callable[[str], None]
    ) -> None:
        self._hooks = registry.manager.hook
        self._trackers = Trackers(plan, bench, warn)
        self._warn = warn

    def notify(self, hook: str, **values: Any) -> None:
        """Call a hook of all plugins, in the order of their registration, then the trackers."""
        for implementation in getattr(self._hooks, hook).get_hookimpls():
            asked = {name: values[name] for name in implementation.argnames}
            try:
                implementation.function(**asked)
            except (Exception, SystemExit) as error:  # an observer must not cost anybody a run
                self._warn(
                    f"{hook} of {implementation.plugin_name} failed with "
                    f"{type(error).__name__}: {error}"
                )
        if hook == "rateval_run_started":
            self._trackers.start(values["plan"])
        elif hook == "rateval_run_finished":
            self._trackers.finish(values["record"])
