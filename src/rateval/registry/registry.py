"""The components that the working plugins registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pluggy

from rateval.api.component import Component
from rateval.api.kinds import Kind

BUNDLED_DISTRIBUTION = "rateval"


def normalise(name: str) -> str:
    """Return a name of a distribution as installers compare it.

    >>> normalise(" Acme_Plugin ")
    'acme-plugin'
    """
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point and the distribution that brings it."""

    name: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f'plugin "{self.name}" ({self.origin})'

    @property
    def origin(self) -> str:
        """The distribution with its version."""
        return f"{self.distribution} {self.version}"

    def use_of(self, component: Component) -> str:
        """Return what ``use`` names one of its components by."""
        return component.name


@dataclass(frozen=True, slots=True)
class Registered:
    """A component with its kind and the plugin it comes from."""

    kind: Kind
    component: Component
    plugin: Plugin

    @property
    def use(self) -> str:
        """What ``use`` names it by, from the current folder."""
        return self.plugin.use_of(self.component)


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that is left out, and why."""

    plugin: Plugin
    cause: str

    def __str__(self) -> str:
        return f"{self.plugin} is left out: {self.cause}"


@dataclass(frozen=True, slots=True)
class SlowPlugin:
    """A plugin that costs every command, because registering it takes time or heavy libraries."""

    plugin: Plugin
    seconds: float
    """What importing it and calling its registration hooks took."""
    heavy: tuple[str, ...]
    """Heavy libraries that came with it."""

    def __str__(self) -> str:
        brought = f" and imports {', '.join(self.heavy)}" if self.heavy else ""
        return (
            f"{self.plugin} takes {self.seconds:.1f} s to register{brought}; import what its "
            "components need in the modules of their factories"
        )


@dataclass(frozen=True, slots=True)
class DatedPlugin:
    """A plugin that uses something of the contract which a later version takes away."""

    plugin: Plugin
    warning: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.warning}"


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that the working plugins registered."""

    components: Mapping[tuple[Kind, str], Registered]
    broken: tuple[BrokenPlugin, ...]
    plugins: tuple[Plugin, ...]
    manager: pluggy.PluginManager
    slow: tuple[SlowPlugin, ...] = ()
    """Working plugins that take long to register."""
    dated: tuple[DatedPlugin, ...] = ()
    """Working plugins that register by what goes away."""

    def find(self, kind: Kind, name: str) -> Registered | None:
        """Return the component of that kind and name, or None."""
        return self.components.get((kind, name))

    def of_kind(self, kind: Kind) -> list[Registered]:
        """Return the components of a kind, by name."""
        return [found for (of, _), found in sorted(self.components.items()) if of == kind]
