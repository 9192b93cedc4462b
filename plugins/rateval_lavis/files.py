"""Find the files that make a model, and name their bytes. This module imports no torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval_lavis.params import RANDOM, LavisAlbefParams, LavisParams, config_path

VOCABULARY_NAME = "vocab.txt"
_BERT = ("google-bert/bert-base-uncased", "bert-base-uncased")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Hold a LAVIS model config as read."""

    path: Path
    """The YAML file."""
    model: dict[str, Any]
    """Its section ``model``."""
    preprocess: dict[str, Any]
    """Its section ``preprocess``; empty when there is none."""
    text_path: Path
    """The JSON file of the text tower."""
    text: dict[str, Any]
    """What stands in it: a BERT config."""


def family_of(params: LavisParams) -> str:
    """Return ``albef`` or ``blip``."""
    return "albef" if isinstance(params, LavisAlbefParams) else "blip"


def locate_weights(params: LavisParams) -> Path | None:
    """Return the checkpoint's path; None when the weights are to be drawn at random."""
    return None if params.pretrained == RANDOM else Path(params.pretrained).expanduser()


def locate_vocabulary(params: LavisParams) -> Path | None:
    """Find the vocabulary; None when none is given and none is in the user's cache.

    Raises RatevalError for a folder that holds none.
    """
    if params.vocabulary is not None:
        path = Path(params.vocabulary).expanduser()
        found = path / VOCABULARY_NAME if path.is_dir() else path
        if not found.is_file():
            raise RatevalError(
                f"{path}: the folder holds no {VOCABULARY_NAME}; give the path of a WordPiece "
                "vocabulary, one word per line"
            )
        return found
    from huggingface_hub import try_to_load_from_cache

    for repository in _BERT:
        cached = try_to_load_from_cache(repository, VOCABULARY_NAME)
        if isinstance(cached, str):
            return Path(cached)
    return None


def read_config(params: LavisParams) -> ModelConfig:
    """Read the LAVIS config that ``params`` names, and the text tower's beside it.

    Raises RatevalError for an unknown name, an unreadable file, and a config of another model.
    """
    family = family_of(params)
    path = config_path(params.config) or _named(params.config, family)
    content = _read_yaml(path)
    model = content.get("model")
    if not isinstance(model, dict) or not str(model.get("arch", "")).startswith(f"{family}_"):
        found = model.get("arch") if isinstance(model, dict) else None
        raise RatevalError(
            f"{path}: not a LAVIS config of {family.upper()}: model.arch is {found!r}; it must "
            f"begin with {family}_, as in {family}_pretrain or {family}_retrieval"
        )
    text_path = _locate_text_config(model, path)
    preprocess = content.get("preprocess")
    return ModelConfig(
        path,
        model,
        preprocess if isinstance(preprocess, dict) else {},
        text_path,
        _json(text_path),
    )


def _named(name: str | None, family: str) -> Path:
    folder = _lavis_folder() / "configs" / "models"
    if name is None:
        name = {"albef": "albef_feature_extractor", "blip": "blip_feature_extractor_base"}[family]
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob(f"{family}_*.yaml"))
        raise RatevalError(f"config = {name!r}: LAVIS brings no such config; {_hint(name, known)}")
    return path


def _hint(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = get_close_matches(name, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(known)}"


def _lavis_folder() -> Path:
    # Finding the package costs nothing; importing it takes ten seconds.
    spec = importlib.util.find_spec("lavis")
    if spec is None or not spec.submodule_search_locations:
        raise RatevalError(
            "salesforce-lavis is not installed here; it needs an environment of its own: make one "
            "with Python 3.11 and run pip install 'rateval[lavis]' in it"
        )
    return Path(spec.submodule_search_locations[0])


def _read_yaml(path: Path) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        # LAVIS' own reader: plain YAML takes its 1e-6 for text.
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        raise RatevalError(f"{path}: not a readable LAVIS config: {error}") from error
    if not isinstance(content, dict):
        raise RatevalError(f"{path}: not a LAVIS config; it must hold a section `model`")
    return {str(key): value for key, value in content.items()}


def _locate_text_config(model: dict[str, Any], path: Path) -> Path:
    named = model.get("med_config_path")
    if not isinstance(named, str):
        raise RatevalError(f"{path}: model.med_config_path must name the text tower's JSON config")
    candidates = [path.parent / named, _lavis_folder() / named]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise RatevalError(
            f"{path}: model.med_config_path = {named!r} is neither beside this file nor in LAVIS' "
            "own folder; give an absolute path, or put the JSON file beside the config"
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RatevalError(f"{path}: not a readable JSON config: {error}") from error
    if not isinstance(content, dict):
        raise RatevalError(f"{path}: not a BERT config; it must be a JSON object")
    return content


def digest(params: LavisParams) -> str:
    """Name the bytes that determine the model besides its params, as a sha256 in hex.

    They are both configs, the vocabulary and the checkpoint. Raises RatevalError when one of them
    cannot be read.
    """
    # By role, so that a renamed checkpoint stays the same one.
    paths = {"weights": locate_weights(params), "vocabulary": locate_vocabulary(params)}
    if params.size is None:
        config = read_config(params)
        paths |= {"config": config.path, "text config": config.text_path}
    sums = {role: _sha256(path) for role, path in paths.items() if path is not None}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror}") from error
