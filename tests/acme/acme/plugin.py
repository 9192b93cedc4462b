"""What acme registers. Imports nothing but rateval.api, so that listing stays fast."""

from __future__ import annotations

from rateval.api import Component, hookimpl


def component(name: str, factory: str, params: str = "Nothing") -> Component:
    return Component(
        name=name,
        summary=f"{name} of acme",
        factory=f"acme.parts:{factory}",
        params=f"acme.parts:{params}",
    )


@hookimpl
def rateval_register_models() -> list[Component]:
    return [
        component("tiny", "make_model"),
        Component(
            name="writer",
            summary="writer of acme",
            factory="acme.writer:make_writer",
            params="acme.writer:WriterParams",
            tasks=("vqa", "captioning"),
            protocol="rateval.api.tasks.texts:TextModel",
        ),
    ]


@hookimpl
def rateval_register_datasets() -> list[Component]:
    return [
        component("squares", "make_dataset", "SquaresParams"),
        Component(
            name="questions",
            summary="questions of acme",
            factory="acme.questions:make_dataset",
            params="acme.questions:QuestionsParams",
            tasks=("vqa",),
        ),
        Component(
            name="captions",
            summary="captions of acme",
            factory="acme.captions:make_dataset",
            params="acme.captions:CaptionsParams",
            tasks=("captioning",),
        ),
    ]


@hookimpl
def rateval_register_attributions() -> list[Component]:
    return [component("any-map", "make_attribution", "AnyMapParams")]


@hookimpl
def rateval_register_validators() -> list[Component]:
    return [component("any-verdict", "make_validator", "AnyVerdictParams")]


@hookimpl
def rateval_register_metrics() -> list[Component]:
    return [component("any-metric", "make_metric", "AnyMetricParams")]


@hookimpl
def rateval_register_shifts() -> list[Component]:
    return [
        component("darken", "make_shift", "DarkenParams"),
        component("haze", "make_haze", "HazeParams"),
        component("lend", "make_lend"),
    ]
