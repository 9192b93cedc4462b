from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    SmolVLMImageProcessor,
)
from transformers.models.clip import CLIPImageProcessor

from rateval.api import Context
from rateval_hf.writing.making import make_vlm
from rateval_hf.writing.params import VlmParams

WORDS = (
    *("Ġ", "Ċ", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"),
    *(
        "q",
        "r",
        "s",
        "t",
        "u",
        "v",
        "w",
        "x",
        "y",
        "z",
        "A",
        "D",
        "U",
        "S",
        "E",
        "R",
        "?",
        ".",
        ":",
    ),
    *("'", "{", "}", "ca", "cat", "Ġcat", "do", "dog", "Ġdog", "re", "red", "Ġred"),
)
MERGES = [("c", "a"), ("ca", "t"), ("Ġ", "cat"), ("d", "o"), ("do", "g"), ("Ġ", "dog"),
          ("r", "e"), ("re", "d"), ("Ġ", "red")]  # fmt: skip
SPECIAL = {
    "llava": ("<s>", "</s>", "<pad>", "<image>"),
    "tiles": (
        *("<|im_start|>", "<end_of_utterance>", "<pad>", "<image>", "<fake_token_around_image>"),
        *("<global-img>", *(f"<row_{r}_col_{c}>" for r in (1, 2) for c in (1, 2))),
    ),
    "qwen": (
        *("<|im_start|>", "<|im_end|>", "<pad>", "<|image_pad|>", "<|vision_start|>"),
        *("<|vision_end|>", "<|video_pad|>", "<|endoftext|>"),
    ),
}
TEMPLATES = {
    "llava": (
        "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>\n' }}"
        "{% endif %}{% endfor %}{% for part in message['content'] %}"
        "{% if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}"
        "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    ),
    "tiles": (
        "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
        "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
        "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
        "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}"
        "<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
    ),
    "qwen": (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
}
LIKE = {"llava": "llava", "llava-siglip": "llava", "idefics3": "tiles", "smolvlm": "tiles",
        "qwen2_vl": "qwen", "qwen2_5_vl": "qwen"}  # fmt: skip
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
}
TOWER: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "image_size": 32,
    "patch_size": 8,
}
QUESTIONS = ("what is on the left?", "red?", "is a dog near the cat?")
ANSWERS = ("a red dog", "cat", "red")


def make_tokenizer(like: str) -> Any:
    words = {word: index for index, word in enumerate((*SPECIAL[like], *WORDS))}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=MERGES, unk_token="'"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in SPECIAL[like]])
    special: dict[str, Any] = {"pad_token": "<pad>", "eos_token": SPECIAL[like][1]}
    if like != "qwen":
        begin = SPECIAL[like][0]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, words[begin])]
        )
        special["bos_token"] = begin
    make: Any = PreTrainedTokenizerFast
    made = make(tokenizer_object=tokenizer, **special)
    made.chat_template = TEMPLATES[like]
    return made


def _config(kind: str, words: int) -> Any:
    text = TEXT | {"vocab_size": words, "pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 1}
    for_model: Any = AutoConfig.for_model
    if kind.startswith("llava"):
        name = "siglip_vision_model" if kind == "llava-siglip" else "clip_vision_model"
        extra = {"vision_use_head": False} if kind == "llava-siglip" else {}
        return for_model(
            "llava",
            text_config=text | {"model_type": "llama"},
            vision_config=TOWER | extra | {"model_type": name},
            image_token_index=3,
            image_token_id=3,
            vision_feature_select_strategy="full" if kind == "llava-siglip" else "default",
            image_seq_length=16,
        )
    if LIKE[kind] == "tiles":
        return for_model(
            kind,
            text_config=text | {"model_type": "llama"},
            vision_config=TOWER,
            image_token_id=3,
            scale_factor=2,
            pad_token_id=2,
        )
    tower = {"depth": 3, "num_heads": 2, "patch_size": 4, "hidden_act": "quick_gelu"}
    if kind == "qwen2_vl":
        tower |= {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    else:
        tower |= {"hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32}
        tower |= {"window_size": 16, "fullatt_block_indexes": [1]}
    rope = {"type": "mrope", "mrope_section": [2, 1, 1]}
    return for_model(
        kind,
        text_config=text | {"rope_scaling": rope},
        vision_config=tower,
        image_token_id=3,
        vision_start_token_id=4,
        vision_end_token_id=5,
        video_token_id=6,
    )


def make_module(kind: str, words: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        make: Any = AutoModelForImageTextToText.from_config
        module = make(_config(kind, words), attn_implementation="sdpa").float().eval()
        with torch.no_grad():
            for weight in module.parameters():
                # Wide enough that answers hang on image and question.
                weight.add_(torch.randn_like(weight) * (weight.shape[-1] ** -0.5))
    return module


def make_processor(kind: str, tokenizer: Any, side: int, tiles: bool) -> Any:
    own: dict[str, Any] = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.25]}
    if kind.startswith("llava"):
        make: Any = CLIPImageProcessor
        image = make(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, **own)
        make = LlavaProcessor
        return make(
            image_processor=image,
            tokenizer=tokenizer,
            patch_size=8,
            vision_feature_select_strategy="default" if kind == "llava" else "full",
            num_additional_image_tokens=1 if kind == "llava" else 0,
        )
    if LIKE[kind] == "tiles":
        make = Idefics3ImageProcessor if kind == "idefics3" else SmolVLMImageProcessor
        image = make(
            size={"longest_edge": side if tiles else 64},
            max_image_size={"longest_edge": 32},
            do_image_splitting=tiles,
            **own,
        )
        # SmolVLM's own processor asks for num2words; it writes the same words.
        make = Idefics3Processor
        return make(image_processor=image, tokenizer=tokenizer, image_seq_len=4)
    make = Qwen2VLImageProcessor
    image = make(
        size={"shortest_edge": 64, "longest_edge": 4096}, patch_size=4, merge_size=2, **own
    )
    make = Qwen2VLProcessor
    make_video: Any = Qwen2VLVideoProcessor
    return make(image_processor=image, tokenizer=tokenizer, video_processor=make_video())


@dataclass(frozen=True)
class Case:
    """One family on disk, and what its own processor and class say."""

    kind: str
    folder: Path
    upstream: Any
    """The module that transformers built and saved."""
    processor: Any
    params: dict[str, Any]

    def make(self, *, dtype: str = "float32", **params: Any) -> Any:
        given = {"folder": str(self.folder)} | self.params | params
        return make_vlm(VlmParams(**given), Context(dtype=dtype))

    def inputs(self, image: Image.Image, question: str) -> Any:
        """Return what the family's own processor makes of one image and question."""
        said = f"{question}\nAnswer the question using a single word or phrase."
        content = [{"type": "image"}, {"type": "text", "text": said}]
        text = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        begin = self.processor.tokenizer.bos_token
        special = begin is None or not text.startswith(begin)
        return self.processor(
            images=[image], text=[text], return_tensors="pt", add_special_tokens=special
        )


CASES = {
    "llava": ("llava", {}),
    "llava-siglip": ("llava-siglip", {}),
    "idefics3": ("idefics3", {}),
    "idefics3-tiles": ("idefics3", {"tiles": True, "image_size": 64}),
    "smolvlm": ("smolvlm", {}),
    "smolvlm-tiles": ("smolvlm", {"tiles": True, "image_size": 64}),
    "qwen2_vl": ("qwen2_vl", {"image_size": 64}),
    "qwen2_5_vl": ("qwen2_5_vl", {"image_size": 64}),
}


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Build and save each case once."""
    made: dict[str, Case] = {}

    def build(name: str) -> Case:
        if name not in made:
            kind, params = CASES[name]
            folder = tmp_path_factory.mktemp(name) / "model"
            tokenizer = make_tokenizer(LIKE[kind])
            module = make_module(kind, len(tokenizer) + 3)
            module.save_pretrained(folder)
            side, tiles = params.get("image_size", 32), bool(params.get("tiles"))
            processor = make_processor(kind, tokenizer, side, tiles)
            processor.chat_template = TEMPLATES[LIKE[kind]]
            processor.save_pretrained(folder)
            made[name] = Case(kind, folder, module, processor, params)
        return made[name]

    return build


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest, saved: Callable[[str], Case]) -> Case:
    return saved(request.param)


@pytest.fixture
def one(saved: Callable[[str], Case]) -> Callable[[str], Case]:
    return saved


@pytest.fixture
def copied(tmp_path: Path, saved: Callable[[str], Case]) -> Callable[[str], Case]:
    """A case whose folder a test may change."""

    def copy_of(name: str) -> Case:
        found = saved(name)
        folder = tmp_path / name
        shutil.copytree(found.folder, folder)
        return Case(found.kind, folder, found.upstream, found.processor, found.params)

    return copy_of


@pytest.fixture
def edit() -> Callable[[Path, dict[str, Any]], None]:
    """Change keys of a JSON file; None removes a key, a table is merged."""

    def change(path: Path, changes: dict[str, Any]) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        for key, value in changes.items():
            if value is None:
                content.pop(key, None)
            elif isinstance(value, dict):
                content[key] = copy.deepcopy(content.get(key, {})) | value
            else:
                content[key] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


@pytest.fixture
def pictures() -> list[Image.Image]:
    """Three smooth square pictures of 64 pixels."""
    row, column = np.mgrid[0:64, 0:64] / 63
    waves = [np.stack([row, column, (row * n + column) % 1], axis=2) for n in (0.3, 0.7, 0.1)]
    return [Image.fromarray((255 * wave).astype(np.uint8)) for wave in waves]


@pytest.fixture
def images() -> Callable[[Any], torch.Tensor]:
    """Make three random images of a model's size."""

    def make(model: Any) -> torch.Tensor:
        height, width = model.card.image_size
        return torch.randn(3, 3, height, width, generator=torch.Generator().manual_seed(1))

    return make


@pytest.fixture
def questions() -> tuple[str, ...]:
    return QUESTIONS


@pytest.fixture
def answers() -> tuple[str, ...]:
    """Of 4, 1 and 1 words by the tiny tokenizers, without the blank before them."""
    return ANSWERS
