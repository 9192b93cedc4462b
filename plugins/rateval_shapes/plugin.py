"""The drawn scenes, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_datasets() -> list[Component]:
    """Return ``shapes``."""
    return [
        Component(
            name="shapes",
            summary="Drawn scenes with exact masks and a background bias to choose; no download",
            factory="rateval_shapes.dataset:make_shapes",
            params="rateval_shapes.params:ShapesParams",
            seeded=True,
        )
    ]
