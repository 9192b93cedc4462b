"""The files of a Hugging Face folder, and a digest of them. This module imports no torch."""

from __future__ import annotations

from pathlib import Path

from rateval.api import RatevalError
from rateval.modelkit import check_tokenizer, digest_files, is_index, locate_shards
from rateval_hf.activation import require_same_activation
from rateval_hf.options import CONFIG_NAME, read_config
from rateval_hf.params import HfClipParams
from rateval_hf.settings import read_settings

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TEXT_FILES = {".json", ".txt", ".model"}


def folder_of(params: HfClipParams) -> Path:
    """Return the folder as a path."""
    return Path(params.folder).expanduser()


def locate_weights(folder: Path) -> tuple[Path, ...]:
    """Find the file or files that hold the weights.

    Raises RatevalError when there are none, or when one of several is missing.
    """
    path = find_weights(folder)
    return locate_shards(path) if is_index(path) else (path,)


def find_weights(folder: Path) -> Path:
    """Find the file that holds the weights, or the index of several.

    Raises RatevalError when there is none.
    """
    for name in _WEIGHTS:
        for path in (folder / name, folder / f"{name}.index.json"):
            if path.is_file():
                return path
    raise RatevalError(
        f"{folder}: the folder holds neither {' nor '.join(_WEIGHTS)}; give a folder that "
        "CLIPModel or SiglipModel of transformers saved"
    )


def digest(params: HfClipParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are the weights and every config and tokenizer file of the folder. Raises RatevalError
    when one cannot be read, and when config, image processor or tokenizer ask for what they may
    not.
    """
    folder = folder_of(params)
    kind, options = read_config(folder / CONFIG_NAME)
    require_same_activation(folder, kind, options)
    read_settings(folder, kind, params)
    check_tokenizer(folder)
    texts = (path for path in folder.iterdir() if path.suffix in _TEXT_FILES)
    return digest_files({path.name: path for path in (*texts, *locate_weights(folder))})
