"""The files that make a model, and a digest of them. This module imports no torch."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import cached_bert_vocabulary, check_table, digest_files, read_json, suggest
from rateval_lavis.options import ModelOptions, ProcessorOptions, TextOptions
from rateval_lavis.params import RANDOM, LavisFilesParams, config_path
from rateval_lavis.processor import read_settings

_VOCABULARY = "vocab.txt"
# `vit_type` of a config: width, depth, heads and the least rate of stochastic depth in training.
_TOWERS = {"base": (768, 12, 12, 0.0), "large": (1024, 24, 16, 0.1)}
PATCH_SIZE = 16


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A LAVIS model config as read."""

    path: Path
    """The YAML file."""
    model: dict[str, Any]
    """What is read of its section ``model``."""
    processor: dict[str, Any]
    """Its ``preprocess.vis_processor.eval``; empty when there is none."""
    text_path: Path
    """The JSON file of the text tower."""
    text: dict[str, Any]
    """What is read of it: a BERT config."""

    @property
    def tower(self) -> tuple[int, int, int, float]:
        """Width, depth and heads of its vision tower, and the least rate of stochastic depth."""
        return _TOWERS[self.model.get("vit_type", "base")]

    @property
    def image_size(self) -> int:
        """Height and width of an image in pixels."""
        return int(self.model.get("image_size", 384))

    @property
    def name(self) -> str:
        """Its name in messages and in the model card."""
        width, depth, *_ = self.tower
        described = describe_vision(width, depth, PATCH_SIZE)
        return f"LAVIS {self.path.stem} ({described}, {self.image_size} px)"


def describe_vision(width: int, depth: int, patch_size: int) -> str:
    """Return a vision tower in a few words.

    >>> describe_vision(768, 12, 16)
    'vision 12 x 768, patch 16'
    """
    return f"vision {depth} x {width}, patch {patch_size}"


def locate_weights(params: LavisFilesParams) -> Path | None:
    """Return the checkpoint's path; None when the weights are to be drawn at random."""
    return None if params.pretrained == RANDOM else Path(params.pretrained).expanduser()


def locate_vocabulary(params: LavisFilesParams) -> Path | None:
    """Find the vocabulary; None when none is given and none is in the user's cache.

    Raises RatevalError for a folder that holds none.
    """
    if params.vocabulary is not None:
        path = Path(params.vocabulary).expanduser()
        found = path / _VOCABULARY if path.is_dir() else path
        if not found.is_file():
            raise RatevalError(
                f"{path}: the folder holds no {_VOCABULARY}; give the path of a WordPiece "
                "vocabulary, one word per line"
            )
        return found
    return cached_bert_vocabulary()


def read_config(params: LavisFilesParams) -> ModelConfig:
    """Read the LAVIS config that ``params`` names, and the text tower's beside it.

    Raises RatevalError for an unknown name, an unreadable file, and a config of another model.
    """
    family = params.family
    path = config_path(params.config) or _named(params.config or params.usual_config, family)
    content = _read_yaml(path)
    model = content.get("model")
    if not isinstance(model, dict) or not str(model.get("arch", "")).startswith(f"{family}_"):
        found = model.get("arch") if isinstance(model, dict) else None
        raise RatevalError(
            f"{path}: not a LAVIS config of {family.upper()}: model.arch is {found!r}; it must "
            f"begin with {family}_, as in {family}_pretrain or {family}_retrieval"
        )
    text_path = _locate_text_config(model, path)
    options = check_table(ModelOptions, model, f"{path}: model").options()
    kind = options.get("vit_type", "base")
    if kind not in _TOWERS:
        raise RatevalError(
            f"{path}: model.vit_type = {kind!r}: LAVIS knows {' and '.join(_TOWERS)}; give a table "
            "of sizes by `size` for another one"
        )
    text = check_table(TextOptions, read_json(text_path), str(text_path)).options()
    processor = _section(_section(content.get("preprocess"), "vis_processor"), "eval")
    where = f"{path}: preprocess.vis_processor.eval"
    return ModelConfig(
        path,
        options,
        check_table(ProcessorOptions, processor, where).options(),
        text_path,
        text,
    )


def _section(table: Any, key: str) -> dict[str, Any]:
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}


def _named(name: str, family: str) -> Path:
    folder = _lavis_folder() / "configs" / "models"
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = [file.stem for file in folder.glob(f"{family}_*.yaml")]
        raise RatevalError(
            f"config = {name!r}: LAVIS brings no such config; {suggest(name, known)}"
        )
    return path


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
        content = OmegaConf.to_container(_without_resolvers(OmegaConf.load(path)), resolve=True)
    except (OSError, ValueError, RecursionError, YAMLError, OmegaConfBaseException) as error:
        raise RatevalError(f"{path}: not a readable LAVIS config: {error}") from error
    if not isinstance(content, dict):
        raise RatevalError(f"{path}: not a LAVIS config; it must hold a section `model`")
    return {str(key): value for key, value in content.items()}


def _without_resolvers(config: Any) -> Any:
    from omegaconf import OmegaConf

    # A resolver is a function that a file calls: oc.env, for one, reads the environment.
    if re.search(r"\$\{[^{}]*:", OmegaConf.to_yaml(config, resolve=False)):
        raise ValueError("it calls a resolver (${name: ...}); write the value itself")
    return config


def _locate_text_config(model: dict[str, Any], path: Path) -> Path:
    named = model.get("med_config_path")
    if not isinstance(named, str):
        raise RatevalError(f"{path}: model.med_config_path must name the text tower's JSON config")
    candidates = [path.parent / named, _lavis_folder() / named]
    try:
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
    except OSError:  # a name that is too long for a path
        found = None
    if found is None:
        raise RatevalError(
            f"{path}: model.med_config_path = {named!r:.200} is neither beside this file nor in "
            "LAVIS' own folder; give an absolute path, or put the JSON file beside the config"
        )
    return found


def digest(params: LavisFilesParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are both configs, the vocabulary and the checkpoint. Raises RatevalError when one of them
    cannot be read, and when a config asks for what it may not.
    """
    paths = {"weights": locate_weights(params), "vocabulary": locate_vocabulary(params)}
    if params.size is None:
        config = read_config(params)
        read_settings(config.name, config.image_size, config.processor, params)
        paths |= {"config": config.path, "text config": config.text_path}
    return digest_files(paths)
