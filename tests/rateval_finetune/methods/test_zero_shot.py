from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from rateval.api import Context, PluginError, RatevalError
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


def test_ensembles_that_cross_the_parts_equal_a_loop_class_by_class() -> None:
    model = tiny_model()
    counts = [80, 80, 1, 80, 3, 80, 80, 300, 80]

    def prompts(classes: Sequence[str]) -> list[list[str]]:
        return [
            [f"{at} {name}" for at in range(count)]
            for name, count in zip(classes, counts, strict=True)
        ]

    model.prompts = prompts  # type: ignore[method-assign]
    classes = [f"class {index}" for index in range(len(counts))]
    found = class_embeddings(model, classes)
    for row, of_class in zip(found, prompts(classes), strict=True):
        texts = [model.encode_text([prompt])[0].double().detach().numpy() for prompt in of_class]
        mean = np.mean([text / np.linalg.norm(text) for text in texts], axis=0)
        np.testing.assert_allclose(row.numpy(), mean / np.linalg.norm(mean), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("many", "text"), [(0.5, "got fewer"), (2, "got more")])
def test_a_model_that_embeds_another_number_of_prompts_is_named(many: float, text: str) -> None:
    model = tiny_model()
    model.encode_text = lambda prompts: torch.ones(int(len(prompts) * many), 12)  # type: ignore[method-assign]
    message = rf"encode_text\(\) of the model must embed each of 6 prompts; {text}"
    with pytest.raises(PluginError, match=message):
        class_embeddings(model, CLASSES)


def test_one_prompt_for_each_class_gives_the_same_bits_as_its_text_alone() -> None:
    model = tiny_model()
    model.prompts = lambda classes: [[name] for name in classes]  # type: ignore[method-assign]
    classes = [f"class {index}" for index in range(300)]
    parts = [model.encode_text(classes[:256]), model.encode_text(classes[256:])]
    unit = torch.nn.functional.normalize(torch.cat(parts).float(), dim=-1)
    expected = torch.nn.functional.normalize(unit, dim=-1)
    assert torch.equal(class_embeddings(model, classes), expected)


def test_the_gradient_of_an_ensemble_goes_through_the_image_alone(images: Images) -> None:
    model = Ensemble()
    model.module.requires_grad_(True)
    classifier = PromptClassifier(model, CLASSES)
    image = images(model)[:1]
    score = classifier.logits(image.requires_grad_())[0, 2]
    (slope,) = torch.autograd.grad(score, image, retain_graph=True)
    of_text = [weight for name, weight in model.module.named_parameters() if "text" in name]
    assert of_text
    assert torch.autograd.grad(score, of_text, allow_unused=True) == (None,) * len(of_text)
    # The slope along it is the difference of the scores that a naive loop gives.
    model.module.requires_grad_(False)
    step = 1e-2 * slope / slope.norm()
    ahead, behind = (naive_logits(model, (image + s).detach())[0, 2] for s in (step, -step))
    expected = (slope * step).sum().item()
    assert expected > 0
    np.testing.assert_allclose((ahead - behind) / 2, expected, rtol=2e-2)


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


def test_embeddings_that_were_kept_are_not_made_again(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, zs = tiny_model(), make_zero_shot(ZsParams(), Context())
    classifier = zs.fit(model, None, CLASSES, RecordingLogbook())
    assert isinstance(classifier, PromptClassifier)
    kept = classifier.kept()
    assert {name: tuple(tensor.shape) for name, tensor in kept.items()} == {"classes": (3, 12)}
    expected = classifier.logits(images(model))
    monkeypatch.setattr(TinyModel, "encode_text", None)
    restored = zs.restore(model, CLASSES, {}, kept)
    assert torch.equal(restored.logits(images(model)), expected)
    with pytest.raises(RatevalError, match="are of 3 classes, and the dataset has 2"):
        zs.restore(model, CLASSES[:2], {}, kept)
