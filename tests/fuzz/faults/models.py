"""Small sound folders of every kind of model, and weights changed inside of their files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from faults.values import change

State = dict[str, Any]
MODELS = ("clip", "clip-pt", "hf-clip", "albef", "blip", "blip-hf")
MODULES = (
    "rateval_clip.model", "rateval_hf.model", "rateval_vlp.model", "transformers.models.clip",
    "transformers.models.blip",
)  # fmt: skip
"""What making and opening them imports."""
_CLIP: dict[str, Any] = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "head_width": 16, "layers": 2},
    "text_cfg": {"context_length": 8, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1},
}
_OFFICIAL = {
    "image_size": 32, "patch_size": 8, "width": 32, "depth": 2, "heads": 2, "text_width": 24,
    "text_layers": 2, "text_heads": 2, "text_intermediate": 40, "vocabulary_size": 20,
    "max_positions": 36, "embedding": 12,
}  # fmt: skip
_TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_WORDS = ("<pad>", "<unk>", "</s>", "a", "photo", "of")


def make_all(arguments: list[str]) -> int:
    """Make every kind of model in a folder: a command for the server, which has the libraries."""
    root = Path(arguments[0])
    torch.manual_seed(0)
    for kind in MODELS:
        folder = root / kind
        folder.mkdir(parents=True)
        if kind.startswith("clip"):
            _save_clip(folder)
        elif kind == "hf-clip":
            _save_hf_clip(folder)
        elif kind == "blip-hf":
            _save_blip_hf(folder)
        else:
            _save_official(kind, folder)
    (weights,) = (root / "clip-pt").glob("*.safetensors")
    torch.save(safetensors.torch.load_file(weights), weights.with_suffix(".pt"))
    weights.unlink()
    return 0


def table_of(kind: str, folder: Path) -> dict[str, Any]:
    """Return the table of a spec that opens a model in ``folder``."""
    if kind == "clip-pt":
        (weights,) = folder.glob("*.pt")
        return {"use": "clip", "architecture": str(folder), "pretrained": str(weights)}
    key = {"clip": "architecture", "hf-clip": "folder"}.get(kind, "pretrained")
    return {"use": kind.removesuffix("-hf"), key: str(folder)}


def _save_clip(folder: Path) -> None:
    from rateval.api import Context
    from rateval_clip.model import make_clip
    from rateval_clip.params import ClipParams

    _add_tokenizer(folder)
    text = _CLIP["text_cfg"] | {"hf_tokenizer_name": "someone/words"}
    config = _CLIP | {"text_cfg": text}
    make_clip(ClipParams(architecture=config, pretrained="random"), Context()).export_checkpoint(
        folder
    )


def _add_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(_WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    make: Any = PreTrainedTokenizerFast
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}
    make(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def _save_hf_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    vision = _TOWER | {"image_size": 32, "patch_size": 8, "intermediate_size": 48}
    text = _TOWER | {"vocab_size": 20, "max_position_embeddings": 8, "intermediate_size": 40}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    model: Any = CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=12))
    model.save_pretrained(folder)
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes), encoding="utf-8")
    _add_tokenizer(folder)


def _add_words(folder: Path) -> None:
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{number}" for number in range(16)))
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


def _save_blip_hf(folder: Path) -> None:
    from transformers import BlipConfig, BlipForImageTextRetrieval

    vision = _TOWER | {"image_size": 32, "patch_size": 8, "intermediate_size": 128}
    text = _TOWER | {"vocab_size": 20, "max_position_embeddings": 36, "intermediate_size": 40}
    config = BlipConfig(vision_config=vision, text_config=text, image_text_hidden_size=12)
    model: Any = BlipForImageTextRetrieval(config)
    model.save_pretrained(folder)
    _add_words(folder)


def _save_official(kind: str, folder: Path) -> None:
    from rateval.api import Context
    from rateval_vlp.model import make_albef, make_blip
    from rateval_vlp.params import AlbefParams, BlipParams

    given: dict[str, Any] = {"pretrained": "random", "size": _OFFICIAL}
    if kind == "albef":
        make_albef(AlbefParams(**given), Context()).export_checkpoint(folder)
    else:
        make_blip(BlipParams(**given), Context()).export_checkpoint(folder)
    _add_words(folder)


class Opaque:
    """Something that is no tensor, and no weights."""


CHANGES: dict[str, Callable[[torch.Tensor], Any]] = {
    "nan": lambda tensor: torch.full_like(tensor, torch.nan),
    "infinite": lambda tensor: torch.full_like(tensor, torch.inf),
    "whole": lambda tensor: tensor.to(torch.int64),
    "half": lambda tensor: tensor.half(),
    "double": lambda tensor: tensor.double(),
    "8 bits": lambda tensor: tensor.to(torch.float8_e4m3fn),
    "complex": lambda tensor: tensor.to(torch.complex64),
    "flat": lambda tensor: tensor.reshape(-1),
    "empty": lambda tensor: tensor.new_zeros(0),
    "scalar": lambda tensor: tensor.new_zeros(()),
    "larger": lambda tensor: torch.cat([tensor, tensor]) if tensor.ndim else tensor.expand(2),
}
"""Of tensors in whatever file."""
PICKLED: dict[str, Callable[[torch.Tensor], Any]] = {
    "sparse": lambda tensor: tensor.to_sparse(),
    "meta": lambda tensor: tensor.to("meta"),
    "quantised": lambda tensor: torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8),
    "number": lambda tensor: 3,
    "text": lambda tensor: "\x1b[31m",
    "list": lambda tensor: tensor.tolist(),
    "object": lambda tensor: Opaque(),
    "nested": lambda tensor: {"x": tensor},
}
"""Of tensors in a file of torch's own."""
NAMES = ("missing", "extra", "prefixed", "escape", "number as name", "nothing", "wrapped")
MUST_FAIL = {
    "nan", "infinite", "flat", "empty", "larger", "sparse", "meta", "quantised", "number", "text",
    "list", "object", "nested", "missing", "nothing",
}  # fmt: skip
"""What leaves no model."""


def rewrite(file: Path, how: str, which: int) -> str:
    """Change a tensor or a name in a file of weights, and say how in words."""
    pickled = file.suffix != ".safetensors"
    loaded: State = (
        torch.load(file, weights_only=True) if pickled else safetensors.torch.load_file(file)
    )
    state = loaded.get("model", loaded) if isinstance(loaded.get("model"), dict) else loaded
    names = [name for name, value in state.items() if isinstance(value, torch.Tensor)]
    name = sorted(names)[which % len(names)]
    if how in NAMES:
        state = _rename(state, how, name)
    else:
        with warnings.catch_warnings(action="ignore"):  # torch is about to drop some of these
            state[name] = (CHANGES | PICKLED)[how](state[name])
    if pickled:
        torch.save({"model": state} if "model" in loaded else state, file)
    else:
        text = {str(key): value.clone() for key, value in state.items()}
        safetensors.torch.save_file(text, file, {"format": "pt"})
    return f"{file.name}: {name}: {how}"


def _rename(state: State, how: str, name: str) -> State:
    state = dict(state)
    if how == "missing":
        del state[name]
    elif how == "extra":
        state["extra"] = state[name].clone()
    elif how == "prefixed":
        return {f"_orig_mod.{key}": value for key, value in state.items()}
    elif how == "escape":
        state["\x1b[31m[b]x[/b]"] = state[name].clone()
    elif how == "number as name":
        state["7"] = state[name].clone()
    elif how == "nothing":
        return {}
    else:
        return {f"module.{key}": value for key, value in state.items()}
    return state


def edit_header(file: Path, which: int, how: str, odd: str) -> str:
    """Change a value in the JSON that a file of safetensors begins with, and say how in words."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, words = change(json.loads(content[8 : 8 + length]), which, how, odd)
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    return f"{file.name}: header: {words}"
