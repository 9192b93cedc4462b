"""Live modules of any making become models, and give the numbers of their own forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
from open_clip.transform import image_transform
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torchvision.models import VisionTransformer
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

import rateval
from rateval.api import Model, RunRecord
from rateval.errors import RatevalError
from rateval.live.surroundings import device_of

Evaluate = Callable[..., RunRecord]
SIZE, CLASSES = 32, 10


def transform(size: int = SIZE) -> Compose:
    return Compose([Resize(size), CenterCrop(size), ToTensor(), Normalize((0.5,) * 3, (0.25,) * 3)])


class Own(nn.Module):
    """A vision transformer of torch's own layers, which reads the mean or as it is told."""

    def __init__(self, read: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.read = read
        self.patches = nn.Linear(192, 24)
        layer = nn.TransformerEncoderLayer(24, 2, 48, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(24, CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = self.patches(F.unfold(images, 8, stride=8).mT)
        output: torch.Tensor = self.head(self.read(self.blocks(tokens)))
        return output


class Plain(nn.Module):
    """One block of attention that nothing recognises; it can return its map."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.mix = nn.Linear(192, 24), nn.Linear(24, 72)
        self.head = nn.Linear(24, CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.attend(images)[0]

    def attend(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        tokens = self.patches(F.unfold(images, 8, stride=8).mT)
        query, key, value = self.mix(tokens).view(len(images), -1, 3, 2, 12).permute(2, 0, 3, 1, 4)
        attention = (query @ key.mT / 12**0.5).softmax(dim=-1)
        mixed = (attention @ value).transpose(1, 2).flatten(2)
        return self.head(mixed.mean(dim=1)), [attention]


def torchvision_vit() -> nn.Module:
    module = VisionTransformer(SIZE, 8, 2, 2, 24, 48, num_classes=CLASSES)
    nn.init.normal_(module.get_parameter("heads.head.weight"))  # zero at first
    made: nn.Module = module
    return made


def timm_vit(**options: Any) -> nn.Module:
    sizes: dict[str, Any] = {"depth": 2, "embed_dim": 24, "num_heads": 2}
    module: nn.Module = timm.create_model(
        "vit_tiny_patch16_224",
        num_classes=CLASSES,
        img_size=SIZE,
        patch_size=8,
        **sizes,
        **options,
    )
    return module


MAKE: dict[str, Callable[[], nn.Module]] = {
    "torchvision": torchvision_vit,
    "timm": timm_vit,
    "timm mean": lambda: timm_vit(global_pool="avg"),
    "timm pool": lambda: timm_vit(global_pool="map", class_token=False),
    "timm registers": lambda: timm_vit(reg_tokens=3),
    "own": lambda: Own(lambda tokens: tokens.mean(dim=1)),
}
WANTED = {
    "torchvision": ("class token", 1, 2),
    "timm": ("class token", 1, 2),
    "timm mean": ("mean", 1, 2),
    "timm pool": ("attention pool", 0, 3),
    "timm registers": ("class token", 4, 2),
    "own": ("mean", 0, 2),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


@pytest.mark.parametrize("kind", MAKE)
def test_vision_transformers_are_found_out_about(kind: str) -> None:
    module = MAKE[kind]().eval()
    model = rateval.wrap(module, preprocess=transform())
    assert (model.readout, model.prefix_tokens, model.depth) == WANTED[kind]
    assert model.grid == (4, 4)
    assert model.card.image_size == (SIZE, SIZE)
    images = torch.randn(3, 3, SIZE, SIZE)
    module.requires_grad_(False)
    with model.record_attention(range(model.depth)) as recorded:
        output = model.encode_image(images)
    torch.testing.assert_close(output, module(images), atol=1e-5, rtol=1e-4)
    for probabilities in recorded.values():
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:-1]))
    gradients = torch.autograd.grad(output.sum(), list(recorded.values()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert not any("forward" in vars(part) for part in module.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_map_is_that_of_the_module() -> None:
    module = Own(lambda tokens: tokens.mean(dim=1)).eval()
    model = rateval.wrap(module, preprocess=transform())
    images = torch.randn(2, 3, SIZE, SIZE)
    with model.record_attention([0]) as recorded:
        model.encode_image(images)
    layer: Any = module.blocks.layers[0]
    tokens = module.patches(F.unfold(images, 8, stride=8).mT)
    _, expected = layer.self_attn(tokens, tokens, tokens, average_attn_weights=False)
    torch.testing.assert_close(recorded[0], expected)


def test_the_fast_path_is_back_and_modes_are_kept() -> None:
    module = MAKE["own"]().train()
    module.get_submodule("blocks").eval()
    module.get_submodule("head").requires_grad_(False)
    model = rateval.wrap(module, preprocess=transform())
    assert torch.backends.mha.get_fastpath_enabled()
    assert module.training and not module.get_submodule("blocks").training
    assert [w.requires_grad for w in module.get_submodule("head").parameters()] == [False] * 2
    with pytest.raises(RatevalError, match="no vision layer 2; there are 2"):
        model.record_attention([2])


def test_what_a_caller_records() -> None:
    module = Plain().requires_grad_(False)
    model = rateval.wrap(module, preprocess=transform(), record=module.attend)
    assert (model.readout, model.prefix_tokens, model.depth, model.grid) == ("mean", 0, 1, (4, 4))
    images = torch.randn(2, 3, SIZE, SIZE)
    with model.record_attention([0]) as recorded:
        output = model.encode_image(images)
    torch.testing.assert_close(recorded[0], module.attend(images)[1][0])
    (gradient,) = torch.autograd.grad(output.sum(), [recorded[0]])
    assert gradient.abs().sum() > 0
    with pytest.raises(RatevalError, match="no vision layer 1"):
        model.record_attention([1])


def test_a_record_is_evaluated_and_counts_in_the_identity(evaluate: Evaluate) -> None:
    module = Plain()
    logits = module.attend

    def flat(images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        output, (attention,) = logits(images)
        return output + 0 * attention.sum(), [attention * 1.0]

    wrapped = rateval.wrap(module, preprocess=transform(), record=logits)
    record = evaluate(wrapped)
    assert record.cells[0].key.finetuner == "own"
    probabilities = record.rows(record.cells[0])["probabilities"].to_pylist()
    assert np.allclose(np.sum(probabilities, axis=1), 1)
    with pytest.raises(RatevalError, match="doesn't depend on its attention"):
        rateval.wrap(module, preprocess=transform(), record=flat)
    again = evaluate(rateval.wrap(module, preprocess=transform(), record=logits))
    assert all(stage.reused for stage in again.stages)


@pytest.mark.parametrize("kind", ["torchvision", "timm mean"])
def test_a_vision_transformer_is_evaluated(evaluate: Evaluate, scenes: Any, kind: str) -> None:
    module = MAKE[kind]()
    record = evaluate(rateval.wrap(module, preprocess=transform()), name="vit")
    assert module.training
    images = torch.stack([transform()(image) for image in scenes.images])
    expected = module.eval()(images).softmax(dim=1)
    found = torch.tensor(record.rows(record.cells[0])["probabilities"].to_pylist())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert record.cells[0].key.model == "vit"
    assert record.relevance(record.cells[0]).max() == 1


def test_a_head_on_features(evaluate: Evaluate, scenes: Any) -> None:
    module = timm_vit().eval()
    module.reset_classifier(0)  # type: ignore[operator]  # a method of timm's
    head = nn.Sequential(nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, CLASSES))
    model = rateval.wrap(module, preprocess=transform())
    record = evaluate(model, head=head)
    images = torch.stack([transform()(image) for image in scenes.images])
    found = torch.tensor(record.rows(record.cells[0])["probabilities"].to_pylist())
    torch.testing.assert_close(found, head(module(images)).softmax(dim=1), atol=1e-5, rtol=1e-4)
    with pytest.raises(RatevalError, match=r"gives \(1, 24\) float32, and there are 10 classes"):
        evaluate(model)


def test_open_clip_gives_what_its_component_gives(evaluate: Evaluate, clip: Model) -> None:
    owner: Any = clip
    card = clip.card
    preprocess: Any = image_transform(card.image_size, False, card.mean, card.std)
    model = rateval.wrap(clip.module, owner.tokenizer, preprocess)
    found, expected = evaluate(model), evaluate(clip)
    for record in (found, expected):
        assert record.cells[0].key.model == "CLIP"
    columns = ("prediction", "probabilities", "mask_area", "score")
    rows = [
        record.rows(record.cells[0]).select(columns).to_pydict() for record in (found, expected)
    ]
    assert rows[0] == rows[1]
    maps = [record.relevance(record.cells[0]) for record in (found, expected)]
    assert np.array_equal(maps[0], maps[1])


def test_open_clip_without_a_tokenizer(evaluate: Evaluate, clip: Model) -> None:
    module: Any = clip.module
    with pytest.raises(RatevalError, match=r"^rateval.wrap: CLIP: preprocess is missing, and the"):
        evaluate(module)
    module.visual.preprocess_cfg = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "size": 64}
    with pytest.raises(RatevalError, match=r"without a tokenizer, .* not CLIP's own"):
        evaluate(module)
    record = evaluate(module, head=nn.Linear(64, CLASSES), attributions="center-prior")
    assert record.cells[0].key.finetuner == "head"


def test_what_training_put_around_a_module_is_taken_off() -> None:
    module = torchvision_vit()
    around = nn.DataParallel(module)
    assert rateval.wrap(around, preprocess=transform()).module is module
    adapted = nn.Module()
    adapted.get_base_model = lambda: module  # type: ignore[assignment]  # as peft's have it
    assert rateval.wrap(adapted, preprocess=transform()).module is module
    compiled = torch.compile(module)
    assert rateval.wrap(compiled, preprocess=transform()).module is module


def wrong_record(output: Any, maps: Any) -> Callable[[torch.Tensor], Any]:
    return lambda images: (output, maps)


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (lambda: 3, {}, "model is 3; give a torch.nn.Module"),
        (torchvision_vit, {"preprocess": None}, r"preprocess is missing; .*torchvision\.models"),
        (torchvision_vit, {"preprocess": transform(40)}, r"fails on an image of \(1, 3, 40, 40\)"),
        (
            torchvision_vit,
            {"tokenizer": str},
            r"nothing reads its tokenizer; .* open_clip\.model\.",
        ),
        (torchvision_vit, {"prompt": "a {class}"}, "nothing reads its prompt; those with a text"),
        (Plain, {}, "meets no nn.MultiheadAttention .*; give record="),
        (lambda: Own(lambda x: x[:, 3]), {}, "reads an image from 1 of 16 tokens, neither"),
        (lambda: Own(lambda x: x), {}, r"of images it returns \(1, 16, 10\); wrap a module"),
        (lambda: Own(lambda x: x[:, :0].sum(1)), {}, "doesn't depend on its attention"),
        (torchvision_vit, {"grid": (5, 5)}, r"attend over 17 tokens, .*; give grid="),
        (Plain, {"record": lambda x: x}, "record must return a pair, .*; got Tensor"),
        (
            Plain,
            {"record": wrong_record(torch.zeros(1, 10), [torch.zeros(1, 16, 16)])},
            r"got a map that is \(1, 16, 16\) of 1 images",
        ),
        (
            Plain,
            {"record": wrong_record(torch.zeros(1, 10), [torch.zeros(1, 2, 16, 16)])},
            "maps that are not in the graph",
        ),
    ],
)
def test_what_cannot_be_wrapped(
    make: Callable[[], Any], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(RatevalError, match=f"^rateval.wrap: .*{message}"):
        rateval.wrap(make(), **{"preprocess": transform(), **given})


def test_weights_in_several_places() -> None:
    module = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1, device="meta"))
    with pytest.raises(RatevalError, match="no weights yet"):
        device_of(module)


def test_a_picture_is_prepared_as_by_its_transform() -> None:
    model = rateval.wrap(torchvision_vit(), preprocess=transform())
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    assert torch.equal(model.preprocess(image), transform()(image))
