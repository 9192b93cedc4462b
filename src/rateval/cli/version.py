"""``rateval --version``."""

from __future__ import annotations

from rateval.registry.discovery import discover, own_version
from rateval.registry.registry import BUNDLED_DISTRIBUTION


def describe_versions() -> str:
    """Return rateval and each plugin with its distribution and version, a line each."""
    registry = discover()
    bundled = [p.name for p in registry.plugins if p.distribution == BUNDLED_DISTRIBUTION]
    lines = [f"rateval {own_version()}", f"  bundled plugins: {', '.join(sorted(bundled))}"]
    lines += [
        f"  plugin {plugin.name}: {plugin.distribution} {plugin.version}"
        for plugin in registry.plugins
        if plugin.distribution != BUNDLED_DISTRIBUTION
    ]
    lines += [f"  {broken}" for broken in registry.broken]
    return "\n".join(lines)
