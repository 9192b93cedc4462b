"""The albef and blip models, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_REQUIRES = ("timm", "tokenizers", "torchvision", "transformers")


@hookimpl
def rateval_register_models() -> list[Component]:
    """Return albef and blip."""
    return [
        Component(
            name="albef",
            summary="ALBEF's dual encoder from official checkpoints",
            factory="rateval_vlp.model:make_albef",
            params="rateval_vlp.params:AlbefParams",
            digest="rateval_vlp.files:digest",
            detect="rateval_vlp.detection:detect_albef",
            requires=_REQUIRES,
            extra="vlp",
            source="Li et al., NeurIPS 2021; github.com/salesforce/ALBEF",
        ),
        Component(
            name="blip",
            summary="BLIP's dual encoder from official checkpoints or Hugging Face folders",
            factory="rateval_vlp.model:make_blip",
            params="rateval_vlp.params:BlipParams",
            digest="rateval_vlp.files:digest",
            detect="rateval_vlp.detection:detect_blip",
            requires=_REQUIRES,
            extra="vlp",
            source="Li et al., ICML 2022; github.com/salesforce/BLIP",
        ),
    ]
