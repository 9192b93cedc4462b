"""Entry point ``tasks`` of rateval's own distribution; strings only."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_tasks() -> list[Component]:
    """Return the tasks that are rateval's own."""
    return [
        Component(
            name="classification",
            summary="One of the dataset's classes for each image",
            factory="rateval.tasks.classification:make_classification",
            params="rateval.tasks.params:ClassificationParams",
        ),
        Component(
            name="vqa",
            summary="An answer to a question about each image, written or ranked",
            factory="rateval.tasks.vqa.task:make_vqa",
            params="rateval.tasks.params:VqaParams",
            source="Antol et al., ICCV 2015; Hudson and Manning, CVPR 2019",
        ),
        Component(
            name="captioning",
            summary="A caption of each image, judged by each class that it mentions",
            factory="rateval.tasks.captioning.task:make_captioning",
            params="rateval.tasks.params:CaptioningParams",
            source="Rohrbach et al., EMNLP 2018; Reich, Putze and Schultz, Findings of EMNLP 2023",
        ),
    ]
