"""Register the ways to make a classifier: zs and ft."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_finetuners() -> list[Component]:
    """Return zs and ft."""
    return [
        Component(
            name="zs",
            summary="Zero-shot: the class whose prompts are most similar to the image",
            factory="rateval_finetune.zero_shot:make_zero_shot",
            params="rateval_finetune.params:ZsParams",
            source="Radford et al., ICML 2021, section 3.1",
        ),
        Component(
            name="ft",
            summary="Fine-tuning of a new linear head and the image tower by cross entropy",
            factory="rateval_finetune.full:make_full",
            params="rateval_finetune.params:FtParams",
            seeded=True,
            source="FT of Wang et al., AAAI 2025, arXiv 2412.13333",
        ),
    ]
