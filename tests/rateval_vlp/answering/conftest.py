from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rateval.api import Context
from rateval_vlp.answering.making import make_blip_caption, make_blip_vqa
from rateval_vlp.answering.params import BlipCaptionParams, BlipVqaParams

State = dict[str, torch.Tensor]
WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "picture", "of", "what", "is", "the", "dog"),
    *("##s", "yellow", "taxi", "on", "left", "?", "'", "sea", "open", "how", "many", "two"),
)
DEC, ENC = len(WORDS), len(WORDS) + 1
SIZE: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "width": 24,
    "depth": 2,
    "heads": 3,
    "text_width": 24,
    "text_layers": 2,
    "text_heads": 2,
    "text_intermediate": 40,
    "vocabulary_size": len(WORDS) + 2,
    "max_positions": 60,
}


@dataclass
class Exact:
    """BLIP in float64 from official keys, one sample without padding, tensor products alone."""

    state: State
    vision_eps: float = 1e-6
    steps: list[tuple[str, str, torch.Tensor]] = field(default_factory=list)
    """Of each attention who looked, at what, and the probabilities (1, heads, M, N)."""

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ self.state[f"{name}.weight"].double().T + self.state[f"{name}.bias"].double()

    def norm(self, x: torch.Tensor, name: str, eps: float = 1e-12) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        return scaled * self.state[f"{name}.weight"].double() + self.state[f"{name}.bias"].double()

    @staticmethod
    def gelu(x: torch.Tensor) -> torch.Tensor:
        return x * (1 + torch.erf(x / math.sqrt(2))) / 2

    def attend(
        self, parts: tuple[torch.Tensor, ...], heads: int, names: tuple[str, str], causal: bool
    ) -> torch.Tensor:
        query, key, value = (x.view(1, x.shape[1], heads, -1).transpose(1, 2) for x in parts)
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        if causal:
            later = torch.ones(scores.shape[-2:]).triu(1).bool()
            scores = scores.masked_fill(later, -math.inf)
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        if not weights.requires_grad:
            weights.requires_grad_()
        self.steps.append((*names, weights))
        return (weights @ value).transpose(1, 2).reshape(1, query.shape[2], -1)

    def image(self, image: torch.Tensor) -> torch.Tensor:
        """Return the tokens of one image (3, H, W), (1, N, D)."""
        name, patch = "visual_encoder", SIZE["patch_size"]
        columns = F.unfold(image[None].double(), patch, stride=patch).transpose(1, 2)
        kernel = self.state[f"{name}.patch_embed.proj.weight"].double().flatten(1)
        tokens = columns @ kernel.T + self.state[f"{name}.patch_embed.proj.bias"].double()
        x = torch.cat([self.state[f"{name}.cls_token"].double(), tokens], dim=1)
        x = x + self.state[f"{name}.pos_embed"].double()
        for layer in range(SIZE["depth"]):
            block = f"{name}.blocks.{layer}"
            h = self.norm(x, f"{block}.norm1", self.vision_eps)
            parts = self.linear(h, f"{block}.attn.qkv").chunk(3, dim=-1)
            mixed = self.attend(parts, SIZE["heads"], ("image", "image"), causal=False)
            x = x + self.linear(mixed, f"{block}.attn.proj")
            h = self.norm(x, f"{block}.norm2", self.vision_eps)
            x = x + self.linear(self.gelu(self.linear(h, f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
        return self.norm(x, f"{name}.norm", self.vision_eps)

    def text(
        self, name: str, ids: list[int], others: torch.Tensor, names: tuple[str, str], causal: bool
    ) -> torch.Tensor:
        """Return the states (1, T, D) of one text that looks at ``others`` (1, N, D)."""
        words = self.state[f"{name}.embeddings.word_embeddings.weight"].double()[ids]
        places = self.state[f"{name}.embeddings.position_embeddings.weight"].double()
        x = self.norm(words + places[: len(ids)], f"{name}.embeddings.LayerNorm")[None]
        to, of = names
        for index in range(SIZE["text_layers"]):
            layer = f"{name}.encoder.layer.{index}"
            for part, seen, whom in (("attention", None, to), ("crossattention", others, of)):
                source = x if seen is None else seen
                parts = (
                    self.linear(x, f"{layer}.{part}.self.query"),
                    self.linear(source, f"{layer}.{part}.self.key"),
                    self.linear(source, f"{layer}.{part}.self.value"),
                )
                mixed = self.attend(parts, SIZE["text_heads"], (to, whom), causal and seen is None)
                mixed = self.linear(mixed, f"{layer}.{part}.output.dense")
                x = self.norm(x + mixed, f"{layer}.{part}.output.LayerNorm")
            h = self.gelu(self.linear(x, f"{layer}.intermediate.dense"))
            h = self.linear(h, f"{layer}.output.dense")
            x = self.norm(x + h, f"{layer}.output.LayerNorm")
        return x

    def read(self, image: torch.Tensor, question: list[int] | None) -> torch.Tensor:
        """Return what the decoder looks at; a question is given with what begins and ends it."""
        seen = self.image(image)
        if question is None:
            return seen
        return self.text("text_encoder", question, seen, ("question", "image"), causal=False)

    def write(self, read: torch.Tensor, ids: list[int], of: str) -> torch.Tensor:
        """Return log probabilities of the word after each of ``ids``, (T, V)."""
        name = "text_decoder.cls.predictions"
        x = self.text("text_decoder.bert", ids, read, ("answer", of), causal=True)
        h = self.gelu(self.linear(x, f"{name}.transform.dense"))
        h = self.norm(h, f"{name}.transform.LayerNorm")
        logits = self.linear(h, f"{name}.decoder")[0]
        return logits - logits.exp().sum(-1, keepdim=True).log()


def _linear(name: str, out: int, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, width), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _text_shapes(name: str) -> dict[str, tuple[int, ...]]:
    width, inner = SIZE["text_width"], SIZE["text_intermediate"]
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.embeddings.word_embeddings.weight": (SIZE["vocabulary_size"], width),
        f"{name}.embeddings.position_embeddings.weight": (SIZE["max_positions"], width),
        **_norm(f"{name}.embeddings.LayerNorm", width),
    }
    for index in range(SIZE["text_layers"]):
        layer = f"{name}.encoder.layer.{index}"
        for part in ("attention", "crossattention"):
            for one in ("query", "key", "value"):
                shapes |= _linear(f"{layer}.{part}.self.{one}", width, width)
            shapes |= _linear(f"{layer}.{part}.output.dense", width, width)
            shapes |= _norm(f"{layer}.{part}.output.LayerNorm", width)
        shapes |= _linear(f"{layer}.intermediate.dense", inner, width)
        shapes |= _linear(f"{layer}.output.dense", width, inner)
        shapes |= _norm(f"{layer}.output.LayerNorm", width)
    return shapes


def _vision_shapes() -> dict[str, tuple[int, ...]]:
    width, patch = SIZE["width"], SIZE["patch_size"]
    places = 1 + (SIZE["image_size"] // patch) ** 2
    name = "visual_encoder"
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.cls_token": (1, 1, width),
        f"{name}.pos_embed": (1, places, width),
        f"{name}.patch_embed.proj.weight": (width, 3, patch, patch),
        f"{name}.patch_embed.proj.bias": (width,),
        **_norm(f"{name}.norm", width),
    }
    for index in range(SIZE["depth"]):
        block = f"{name}.blocks.{index}"
        shapes |= _norm(f"{block}.norm1", width) | _norm(f"{block}.norm2", width)
        shapes |= _linear(f"{block}.attn.qkv", 3 * width, width)
        shapes |= _linear(f"{block}.attn.proj", width, width)
        shapes |= _linear(f"{block}.mlp.fc1", 4 * width, width)
        shapes |= _linear(f"{block}.mlp.fc2", width, 4 * width)
    return shapes


def _official(asks: bool) -> State:
    """Draw weights by the names of salesforce/BLIP's BLIP_VQA or BLIP_Decoder."""
    width, name = SIZE["text_width"], "text_decoder.cls.predictions"
    shapes = _vision_shapes() | _text_shapes("text_decoder.bert")
    shapes |= _text_shapes("text_encoder") if asks else {}
    shapes |= _linear(f"{name}.transform.dense", width, width)
    shapes |= _norm(f"{name}.transform.LayerNorm", width)
    shapes |= {f"{name}.bias": (SIZE["vocabulary_size"],)}
    # Wide enough that texts differ by image and question, and that some of them end.
    draw = torch.Generator().manual_seed(20)
    state = {}
    for key, shape in shapes.items():
        drawn = torch.randn(shape, generator=draw)
        if len(shape) == 1:
            is_factor = "norm" in key.lower() and key.endswith("weight")
            state[key] = 0.2 * drawn + (1.0 if is_factor else 0.0)
        else:
            is_map = len(shape) == 2 and "embeddings" not in key
            state[key] = drawn * (shape[-1] ** -0.5 if is_map else 0.5)
    state[f"{name}.decoder.weight"] = state["text_decoder.bert.embeddings.word_embeddings.weight"]
    state[f"{name}.decoder.bias"] = state[f"{name}.bias"]
    for text in ("text_encoder", "text_decoder.bert") if asks else ("text_decoder.bert",):
        state[f"{text}.embeddings.position_ids"] = torch.arange(SIZE["max_positions"])[None]
    return state


@dataclass(frozen=True)
class Kind:
    """One of both models, and what is asked of it."""

    asks: bool
    make: Callable[..., Any]
    """(**params) -> model with the official weights, unless ``pretrained`` says otherwise."""
    state: State
    """The official weights."""
    questions: tuple[str, ...]
    question_ids: tuple[list[int] | None, ...]
    before: list[int]
    """Ids before an answer."""

    @property
    def of(self) -> str:
        """What the decoder looks at."""
        return "question" if self.asks else "image"


QUESTIONS = ("what is on the left?", "how many dogs?", "what is the yellow taxi on the left of ?")
QUESTION_IDS = (
    [ENC, 7, 8, 14, 9, 15, 16, 3],
    [ENC, 20, 21, 10, 11, 16, 3],
    [ENC, 7, 8, 9, 12, 13, 14, 9, 15, 6, 16, 3],
)


@pytest.fixture
def size() -> dict[str, Any]:
    return dict(SIZE)


@pytest.fixture
def words() -> tuple[str, ...]:
    return WORDS


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path


def _kind(asks: bool, folder: Path, vocabulary: Path) -> Kind:
    state = _official(asks)
    path = folder / f"official_{'vqa' if asks else 'caption'}.pth"
    torch.save({"model": state, "epoch": 3}, path)

    def make(*, seed: int = 0, dtype: str = "float32", **params: Any) -> Any:
        values = {"pretrained": str(path), "size": SIZE, "vocabulary": str(vocabulary)} | params
        values = {key: value for key, value in values.items() if value is not None}
        context = Context(seed=seed, dtype=dtype)
        if asks:
            return make_blip_vqa(BlipVqaParams(**values), context)
        return make_blip_caption(BlipCaptionParams(**values), context)

    if asks:
        return Kind(True, make, state, QUESTIONS, QUESTION_IDS, [DEC])
    return Kind(False, make, state, ("",) * 3, (None,) * 3, [DEC, 4, 5, 6])


@pytest.fixture
def vqa(tmp_path: Path, vocabulary: Path) -> Kind:
    return _kind(True, tmp_path, vocabulary)


@pytest.fixture
def caption(tmp_path: Path, vocabulary: Path) -> Kind:
    return _kind(False, tmp_path, vocabulary)


@pytest.fixture(params=["vqa", "caption"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def exact(kind: Kind) -> Exact:
    return Exact(kind.state)


@pytest.fixture
def exact_vqa(vqa: Kind) -> Exact:
    return Exact(vqa.state)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def answers() -> tuple[str, ...]:
    """Of 2, 1 and 4 words."""
    return ("Two dog", "taxi", "a dogs' sea")


@pytest.fixture
def answer_ids() -> tuple[list[int], ...]:
    """Of ``answers``, the end included."""
    return ([22, 10, 3], [13, 3], [4, 10, 11, 17, 18, 3])
