"""The files that make a dual encoder, and a digest of them. This module imports no torch."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from pathlib import Path

from rateval.api import RatevalError
from rateval.modelkit import cached_bert_vocabulary, digest_files, read_json, weight_files
from rateval_vlp.architecture import SIZE_NAME, albef_architecture, blip_architecture
from rateval_vlp.params import QUICKSTART, RANDOM, AlbefParams, BlipParams
from rateval_vlp.vocabulary import read_vocabulary

CONFIG_NAME = "config.json"
"""Of a Hugging Face folder."""
PREPARATION = "preprocessor_config.json"
_OWN_WEIGHTS = ("model.pth", "model.safetensors")
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_VOCABULARIES = ("tokenizer.json", "vocab.txt")
_QUICKSTART = Path(__file__).parent / "quickstart"


@dataclass(frozen=True, slots=True)
class Files:
    """The paths behind a model."""

    weights: Path | None
    """The checkpoint; None when weights are drawn at random."""
    config: Path | None
    """config.json of a Hugging Face folder or size.json of one that rateval wrote, else None."""
    vocabulary: Path | None
    """vocab.txt or tokenizer.json; None when there is none on this machine."""
    is_own_vocabulary: bool
    """Whether it was given or lies beside the weights, so that it has to fit the model."""


def locate(params: AlbefParams | BlipParams) -> Files:
    """Find every file that ``params`` names or implies.

    Raises RatevalError for a folder without the files that it should hold.
    """
    if params.pretrained == QUICKSTART:
        family = "albef" if isinstance(params, AlbefParams) else "blip"
        return _own(_QUICKSTART / family, None)
    pretrained = Path(params.pretrained).expanduser()
    if params.pretrained == RANDOM or not pretrained.is_dir():
        weights = None if params.pretrained == RANDOM else pretrained
        return Files(weights, None, *_locate_vocabulary(params.vocabulary, None))
    if (pretrained / SIZE_NAME).is_file():
        return _own(pretrained, params.vocabulary)
    if isinstance(params, AlbefParams):
        raise RatevalError(
            f"{pretrained}: a folder without {SIZE_NAME}, which those have that rateval wrote; "
            "ALBEF's own weights are one file, such as ALBEF.pth: give its path"
        )
    weights = _first_of(pretrained, _WEIGHTS)
    config = _first_of(pretrained, (CONFIG_NAME,))
    if weights is None or config is None:
        raise RatevalError(
            f"{pretrained}: the folder lacks {CONFIG_NAME} or the weights "
            f"({' or '.join(_WEIGHTS[::2])}); give a folder that BlipForImageTextRetrieval "
            "saved, or the path of a checkpoint file"
        )
    return Files(weights, config, *_locate_vocabulary(params.vocabulary, pretrained))


def _own(folder: Path, vocabulary: str | None) -> Files:
    weights = _first_of(folder, _OWN_WEIGHTS)
    if weights is None:
        raise RatevalError(
            f"{folder}: the folder holds {SIZE_NAME}, but neither {' nor '.join(_OWN_WEIGHTS)}; "
            "export the model again"
        )
    return Files(weights, folder / SIZE_NAME, *_locate_vocabulary(vocabulary, folder))


def _locate_vocabulary(given: str | None, folder: Path | None) -> tuple[Path | None, bool]:
    if given is not None:
        path = Path(given).expanduser()
        found = _first_of(path, _VOCABULARIES) if path.is_dir() else path
        if found is None:
            raise RatevalError(f"{path}: the folder holds neither {' nor '.join(_VOCABULARIES)}")
        return found, True
    beside = _first_of(folder, _VOCABULARIES) if folder is not None else None
    return (beside, True) if beside is not None else (cached_bert_vocabulary(), False)


def _first_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def digest(params: AlbefParams | BlipParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are the checkpoint, the config that came with it, and the vocabulary. Raises RatevalError
    when one cannot be read, and when config or vocabulary are not those of such a model.
    """
    files = locate(params)
    _check(params, files)
    weights = {} if files.weights is None else weight_files(files.weights)
    return digest_files(weights | {"config": files.config, "vocabulary": files.vocabulary})


def _check(params: AlbefParams | BlipParams, files: Files) -> None:
    if isinstance(params, AlbefParams):
        architecture = albef_architecture(params, files.config)
    else:
        architecture = blip_architecture(params, files.config)
    if architecture.hugging_face and files.config is not None:
        require_same_preparation(params, files.config.parent)
    if files.vocabulary is not None and files.is_own_vocabulary:
        read_vocabulary(files.vocabulary, architecture)


def require_same_preparation(params: AlbefParams | BlipParams, folder: Path) -> None:
    """Raise RatevalError when a Hugging Face ``folder`` normalises images by other numbers.

    What ``params`` were given stands in any case; BLIP's own default does not.
    """
    path = folder / PREPARATION
    content = read_json(path) if path.is_file() else {}
    for key in ("image_mean", "image_std"):
        found, used = content.get(key), getattr(params, key)
        if key not in params.model_fields_set and found is not None and found != list(used):
            raise RatevalError(
                f"{path}: {key} = {reprlib.repr(found)}: is another than BLIP's own, {list(used)}, "
                f"which images would be normalised by; set {key} in the spec to the one that the "
                "weights were trained with"
            )
