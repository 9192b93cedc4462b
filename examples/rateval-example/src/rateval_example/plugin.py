"""What is registered. Imports nothing but rateval.api, so that listing stays fast."""

from __future__ import annotations

from rateval.api import Component, hookimpl

RATEVAL_API = "1.0"
"""The version of rateval's contract that this plugin was written for."""

SIGNS = Component(
    name="signs",
    summary="Drawn rings and crosses on a ground that may tell the class",
    factory="rateval_example.dataset:make_signs",
    params="rateval_example.params:SignsParams",
    tasks=("classification", "or-none"),
    source="rateval",
)

TINY_ENCODER = Component(
    name="tiny-encoder",
    summary="A tiny dual encoder of random weights with a text tower of its own",
    factory="rateval_example.model:make_tiny",
    params="rateval_example.params:TinyParams",
    tasks=("classification", "or-none"),
    source="rateval",
)

NEAREST_MEAN = Component(
    name="nearest-mean",
    summary="A head of the mean embedding of each class",
    factory="rateval_example.finetuner:make_nearest_mean",
    params="rateval_example.params:NearestMeanParams",
    tasks=("classification", "or-none"),
    source="rateval",
)

GRAD_ECLIP = Component(
    name="grad-eclip",
    summary="Grad-ECLIP on the last layer, by the product of query and key",
    factory="rateval_example.grad_eclip:make_grad_eclip",
    params="rateval_example.params:GradEclipParams",
    tasks=("classification", "or-none"),
    source="Zhao et al., ICML 2024 (Cyang-Zhao/Grad-Eclip); the length of keys left out",
)

HANGS_ON_OBJECT = Component(
    name="hangs-on-object",
    summary="Valid where the answer's probability falls without the object",
    factory="rateval_example.validator:make_hangs_on_object",
    params="rateval_example.params:HangsOnObjectParams",
    needs="predictions under edits",
    source="rateval",
)

DOUBLY_RIGHT = Component(
    name="doubly-right",
    summary="Share of all images that are correct on valid evidence, RR/N",
    factory="rateval_example.metrics:make_doubly_right",
    params="rateval_example.params:DoublyRightParams",
    source="Mao et al., CVPR 2023",
)

GRAYSCALE = Component(
    name="grayscale",
    summary="Test images without their colours",
    factory="rateval_example.shifts:make_grayscale",
    params="rateval_example.params:GrayscaleParams",
)

OR_NONE = Component(
    name="or-none",
    summary="A class of each image, or no answer where the model isn't sure",
    factory="rateval_example.task:make_or_none",
    params="rateval_example.params:OrNoneParams",
    source="rateval",
)

COUNTING = Component(
    name="counting",
    summary="Steps done here, one after the other, and counted by stage",
    factory="rateval_example.executor:make_counting",
    params="rateval_example.params:CountingParams",
    source="rateval",
)

TABLE = Component(
    name="table",
    summary="A row of a CSV file for each score",
    factory="rateval_example.tracker:make_table",
    params="rateval_example.params:TableParams",
    source="rateval",
)


@hookimpl
def rateval_register_datasets() -> list[Component]:
    """Return signs."""
    return [SIGNS]


@hookimpl
def rateval_register_models() -> list[Component]:
    """Return tiny-encoder."""
    return [TINY_ENCODER]


@hookimpl
def rateval_register_finetuners() -> list[Component]:
    """Return nearest-mean."""
    return [NEAREST_MEAN]


@hookimpl
def rateval_register_attributions() -> list[Component]:
    """Return grad-eclip."""
    return [GRAD_ECLIP]


@hookimpl
def rateval_register_validators() -> list[Component]:
    """Return hangs-on-object."""
    return [HANGS_ON_OBJECT]


@hookimpl
def rateval_register_metrics() -> list[Component]:
    """Return doubly-right."""
    return [DOUBLY_RIGHT]


@hookimpl
def rateval_register_shifts() -> list[Component]:
    """Return grayscale."""
    return [GRAYSCALE]


@hookimpl
def rateval_register_tasks() -> list[Component]:
    """Return or-none."""
    return [OR_NONE]


@hookimpl
def rateval_register_executors() -> list[Component]:
    """Return counting."""
    return [COUNTING]


@hookimpl
def rateval_register_trackers() -> list[Component]:
    """Return table."""
    return [TABLE]
