"""Full-size ALBEF and BLIP: built from LAVIS' configs, saved as official files, loaded, run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from rateval_lavis.model import LavisModel

Make = Callable[..., LavisModel]


@torch.no_grad()
def test_official_layout_at_full_size(make: Make, tmp_path: Path) -> None:
    model = make(size=None, seed=1)
    state = model.module.state_dict()
    prefix = "text_encoder.bert." if "albef" in model.card.architecture else "text_encoder."
    official = {key.replace("text_encoder.", prefix): value for key, value in state.items()}
    path = tmp_path / "official.pth"
    torch.save({"model": official}, path)
    del official
    loaded = make(size=None, pretrained=str(path))
    assert (loaded.grid, loaded.depth, loaded.card.image_size) == ((14, 14), 12, (224, 224))
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[101, 1037, 6302, 1997, 1037, 3899, 102, 0]])
    assert torch.equal(loaded.encode_image(image), model.encode_image(image))
    assert torch.equal(loaded.encode_text(ids), model.encode_text(ids))
    with torch.enable_grad(), loaded.record_attention([11]) as recorded:
        output = loaded.encode_image(image)
    assert recorded[11].shape == (1, 12, 197, 197)
    torch.testing.assert_close(output, model.encode_image(image), atol=1e-5, rtol=0)
