"""The models of salesforce-lavis, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_REQUIRES = ("lavis", "omegaconf", "torchvision", "transformers")


@hookimpl
def rateval_register_models() -> list[Component]:
    """Return both dual encoders, and the ALBEF that answers questions."""
    return [
        Component(
            name="lavis-albef",
            summary="ALBEF's dual encoder through salesforce-lavis' own classes",
            factory="rateval_lavis.model:make_albef",
            params="rateval_lavis.params:LavisAlbefParams",
            digest="rateval_lavis.files:digest",
            requires=_REQUIRES,
            extra="lavis",
            source="Li et al., NeurIPS 2021; github.com/salesforce/LAVIS",
        ),
        Component(
            name="lavis-blip",
            summary="BLIP's dual encoder through salesforce-lavis' own classes",
            factory="rateval_lavis.model:make_blip",
            params="rateval_lavis.params:LavisBlipParams",
            digest="rateval_lavis.files:digest",
            requires=_REQUIRES,
            extra="lavis",
            source="Li et al., ICML 2022; github.com/salesforce/LAVIS",
        ),
        Component(
            name="lavis-albef-vqa",
            summary="ALBEF that answers questions through salesforce-lavis' own class",
            factory="rateval_lavis.answering.model:make_albef_vqa",
            params="rateval_lavis.params:LavisAlbefVqaParams",
            digest="rateval_lavis.files:digest",
            requires=_REQUIRES,
            extra="lavis",
            source="Li et al., NeurIPS 2021; github.com/salesforce/LAVIS",
            tasks=("vqa",),
            protocol="rateval.api.tasks.texts:TextModel",
        ),
    ]
