"""The ways to make a classifier, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_ALL = ("classification", "vqa", "captioning")
_PAPER = "Wang et al., AAAI 2025, arXiv 2412.13333"


@hookimpl
def rateval_register_finetuners() -> list[Component]:
    """Return zero-shot and the methods that train."""
    return [
        Component(
            name="zs",
            summary="Zero-shot: the class whose prompts are most similar to the image",
            factory="rateval_finetune.methods.zero_shot:make_zero_shot",
            params="rateval_finetune.params:ZsParams",
            detect="rateval_finetune.detection:detect_zero_shot",
            source="Radford et al., ICML 2021, section 3.1",
            tasks=_ALL,
        ),
        _trained(
            name="lp",
            summary="Linear probe: a new linear head on frozen features",
            factory="rateval_finetune.methods.linear_probe:make_lp",
            params="rateval_finetune.params:LpParams",
            source=f"LP of {_PAPER}",
        ),
        _trained(
            name="flcp",
            summary="Fine-tuning of both towers by the contrastive loss of pre-training",
            factory="rateval_finetune.methods.contrastive:make_flcp",
            params="rateval_finetune.params:FlcpParams",
            source=f"FLCP of {_PAPER}",
        ),
        _trained(
            name="ft",
            summary="Fine-tuning of a new linear head and the image tower by cross entropy",
            factory="rateval_finetune.methods.full:make_full",
            params="rateval_finetune.params:FtParams",
            source=f"FT of {_PAPER}",
            version="2",
            tasks=_ALL,
        ),
        _trained(
            name="lp-ft",
            summary="Linear probe first, then fine-tuning of head and image tower",
            factory="rateval_finetune.methods.lp_ft:make_lp_ft",
            params="rateval_finetune.params:LpFtParams",
            source="LP-FT of Kumar et al., ICLR 2022",
        ),
        _trained(
            name="wise-ft",
            summary="Fine-tuning from zero-shot, its weights interpolated with zero-shot's",
            factory="rateval_finetune.methods.wise_ft:make_wise_ft",
            params="rateval_finetune.params:WiseFtParams",
            source="WiSE-FT of Wortsman et al., CVPR 2022",
        ),
        _trained(
            name="lora",
            summary="Fine-tuning of a head and low-rank updates of the image tower",
            factory="rateval_finetune.methods.lora:make_lora",
            params="rateval_finetune.params:LoraParams",
            source="LoRA of Hu et al., ICLR 2022",
            tasks=_ALL,
        ),
        _trained(
            name="evidence-ft",
            summary="ft with a penalty on relevance outside of the evidence masks",
            factory="rateval_finetune.methods.evidence_ft:make_evidence_ft",
            params="rateval_finetune.params:EvidenceFtParams",
            source='Ross, Hughes, Doshi-Velez, "Right for the Right Reasons", IJCAI 2017',
            tasks=("classification", "vqa"),
        ),
        Component(
            name="checkpoint",
            summary="No training: the weights of a model that was fine-tuned elsewhere",
            factory="rateval_finetune.methods.checkpoint:make_checkpoint",
            params="rateval_finetune.params:CheckpointParams",
            digest="rateval_finetune.loading.files:digest",
            detect="rateval_finetune.detection:detect_checkpoint",
        ),
    ]


def _trained(
    *,
    name: str,
    summary: str,
    factory: str,
    params: str,
    source: str,
    version: str = "1",
    requires: tuple[str, ...] = (),
    tasks: tuple[str, ...] = ("classification",),
) -> Component:
    return Component(
        name=name,
        summary=summary,
        factory=factory,
        params=params,
        source=source,
        version=version,
        requires=("accelerate", *requires),
        extra="finetune",
        seeded=True,
        tasks=tasks,
    )
