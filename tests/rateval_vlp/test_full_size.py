"""ViT-B/16 and BERT base under the official key names: saved, loaded and run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rateval.api import Context
from rateval_vlp.model import make_albef, make_blip
from rateval_vlp.params import AlbefParams, BlipParams

State = dict[str, torch.Tensor]


@pytest.mark.parametrize("family", ["albef", "blip"])
def test_full_size(family: str, official: Callable[[State, str], State], tmp_path: Path) -> None:
    path = tmp_path / "released.pth"

    def make(pretrained: str, seed: int) -> Any:
        if family == "albef":
            return make_albef(AlbefParams(pretrained=pretrained), Context(seed=seed))
        return make_blip(BlipParams(pretrained=pretrained), Context(seed=seed))

    source = make("random", seed=3)
    with torch.no_grad():
        for weight in source.module.parameters():
            weight.copy_(weight.half())  # what the file will hold
    everything = official(source.module.state_dict(), family)
    torch.save({"model": {key: value.half() for key, value in everything.items()}}, path)
    model = make(str(path), seed=0)
    path.unlink()  # hundreds of megabytes

    assert model.grid == (14, 14)
    assert model.depth == 12
    assert model.card.keys_used == len(source.module.state_dict())
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[101, 1037, 6302, 102], [101, 3899, 102, 0]])
    with torch.no_grad():
        texts = F.normalize(model.encode_text(ids), dim=-1)
        plain = model.encode_image(images)
        assert torch.equal(plain, source.encode_image(images))
        assert torch.equal(model.encode_text(ids), source.encode_text(ids))
    with model.record_attention([11]) as recorded:
        watched = model.encode_image(images).detach()
    assert recorded[11].shape == (1, 12, 197, 197)
    logits, others = (F.normalize(image, dim=-1) @ texts.T for image in (plain, watched))
    assert float((logits - others).abs().max()) <= 1e-5
    assert bool(logits.isfinite().all())
