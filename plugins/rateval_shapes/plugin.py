"""The drawn scenes, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_datasets() -> list[Component]:
    """Return ``shapes``, ``shapes-vqa`` and ``shapes-captions``."""
    return [
        Component(
            name="shapes",
            summary="Drawn scenes with exact masks and a background bias to choose; no download",
            factory="rateval_shapes.dataset:make_shapes",
            params="rateval_shapes.params:ShapesParams",
            seeded=True,
        ),
        Component(
            name="shapes-vqa",
            summary="Drawn scenes with questions, exact masks and a background bias to choose",
            factory="rateval_shapes.questions.dataset:make_shapes_vqa",
            params="rateval_shapes.questions.params:ShapesVqaParams",
            seeded=True,
            tasks=("vqa",),
        ),
        Component(
            name="shapes-captions",
            summary="Drawn scenes with captions, exact masks and a background bias to choose",
            factory="rateval_shapes.captioning.dataset:make_shapes_captions",
            params="rateval_shapes.captioning.params:ShapesCaptionsParams",
            seeded=True,
            tasks=("captioning",),
        ),
    ]
