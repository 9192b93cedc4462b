from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from rateval.api import Context, RatevalError
from rateval.testing import RecordingLogbook, TinyModel, tiny_model
from rateval_finetune.methods.zero_shot import (
    PromptClassifier,
    class_embeddings,
    make_zero_shot,
)
from rateval_finetune.params import ZsParams

Images = Callable[[TinyModel], torch.Tensor]
CLASSES = ("cat", "traffic light", "kite")


class Ensemble(TinyModel):
    """A model whose classes have one, two and three prompts."""

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        return [
            [f"{count} {name}" for count in range(index + 1)] for index, name in enumerate(classes)
        ]


def naive_logits(model: TinyModel, images: torch.Tensor) -> np.ndarray[tuple[int, ...]]:
    """Prompt by prompt, image by image, in float64."""
    rows = []
    for image in images:
        embedded = model.encode_image(image[None])[0].double().numpy()
        row = []
        for prompts in model.prompts(CLASSES):
            mean = np.zeros(12)
            for prompt in prompts:
                text = model.encode_text([prompt])[0].double().numpy()
                mean += text / np.sqrt((text**2).sum()) / len(prompts)
            cosine = (embedded @ mean) / np.sqrt((embedded**2).sum() * (mean**2).sum())
            row.append(model.logit_scale.item() * cosine)
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("make", [tiny_model, Ensemble])
def test_logits_equal_a_naive_float64_loop(make: Callable[[], TinyModel], images: Images) -> None:
    model = make()
    zs = make_zero_shot(ZsParams(), Context())
    classifier = zs.fit(model, None, CLASSES, RecordingLogbook())
    logits = classifier.logits(images(model))
    assert logits.dtype == torch.float32
    np.testing.assert_allclose(
        logits.numpy(), naive_logits(model, images(model)), rtol=0, atol=2e-5
    )


def test_many_prompts_are_encoded_a_part_at_a_time_and_only_once(images: Images) -> None:
    model = tiny_model()
    plain, sizes = model.encode_text, []

    def counting(prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        sizes.append(len(prompts))
        return plain(prompts)

    model.encode_text = counting  # type: ignore[method-assign]
    classes = [f"class {index}" for index in range(300)]
    classifier = make_zero_shot(ZsParams(), Context()).restore(model, classes, {})
    assert sizes == [256, 256, 88]
    assert classifier.logits(images(model)).shape == (12, 300)
    assert sum(sizes) == 600
    few = class_embeddings(model, classes[:2])
    torch.testing.assert_close(few, class_embeddings(model, classes)[:2])
    torch.testing.assert_close(few.norm(dim=1), torch.ones(2))


def test_nothing_is_trained_and_nothing_is_left_to_train() -> None:
    model = tiny_model()
    model.module.train().requires_grad_(True)
    zs = make_zero_shot(ZsParams(), Context())
    classifier = zs.fit(model, None, CLASSES, RecordingLogbook())
    assert zs.trains is False
    assert classifier.state() == {}
    assert not model.module.training
    assert not any(weight.requires_grad for weight in model.module.parameters())


def test_the_state_of_another_method_is_refused() -> None:
    zs = make_zero_shot(ZsParams(), Context())
    with pytest.raises(RatevalError, match=r"zs: the stored state holds 'head.bias'"):
        zs.restore(tiny_model(), CLASSES, {"head.bias": torch.zeros(3)})


@pytest.mark.parametrize("scale", [0.0, -3.0])
def test_a_scale_that_silences_or_turns_the_logits_is_refused(
    scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TinyModel, "logit_scale", torch.tensor(scale))
    with pytest.raises(RatevalError, match=rf"its logit scale is {scale:g}, where it must be"):
        PromptClassifier(tiny_model(), CLASSES)
