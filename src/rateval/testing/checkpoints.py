"""What every model promises about its weights: taken whole, and written back."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import torch

from rateval.api.protocols import Model
from rateval.errors import RatevalError
from rateval.modelkit.checkpoint_files.reading import read_state_dict
from rateval.testing.failure import difference, require

_WEIGHTS = (".bin", ".pt", ".pth", ".safetensors")
_HERE = Path("a checkpoint made by rateval.testing")


def check_checkpoints(model: Model, images: torch.Tensor) -> None:
    """Check load_checkpoint and export_checkpoint on copies of ``model``.

    ``images`` are what ``encode_image`` takes. Raises ConformanceError at the first broken promise.
    """
    embedded = model.encode_image(images)
    other = _changed(model)
    _check_refusals(other)
    own = {name: value.clone() for name, value in model.module.state_dict().items()}
    other.load_checkpoint(own, _HERE)
    _require_equal(other, images, embedded, "load_checkpoint", "take all of module.state_dict()")
    kept = other.card.checkpoint == str(_HERE) and other.card.keys_used > 0
    asked = "say in the card where the weights come from"
    require(kept, "Model.load_checkpoint", asked, repr(other.card.checkpoint))
    with tempfile.TemporaryDirectory() as scratch:
        _check_export(model, images, Path(scratch) / "made" / "here")
    still = model.encode_image(images).equal(embedded)
    require(still, "Model.export_checkpoint", "leave the model as it is", "another embedding")


def _check_export(model: Model, images: torch.Tensor, folder: Path) -> None:
    changed = _changed(model)
    embedded = changed.encode_image(images)
    files, where = changed.export_checkpoint(folder), "Model.export_checkpoint"
    there = isinstance(files, tuple) and all(
        isinstance(file, Path) and file.is_file() and file.is_relative_to(folder) for file in files
    )
    require(there and bool(files), where, "return the files it wrote into the folder", repr(files))
    left = {path for path in folder.rglob("*") if path.is_file()} - set(files)
    require(not left, where, "return all files it wrote", f"besides those {sorted(left)}")
    weights = [file for file in files if file.suffix in _WEIGHTS]
    asked = f"write weights into a file that ends in {', '.join(_WEIGHTS)}"
    require(bool(weights), where, asked, [file.name for file in files])
    state = {key: value for file in weights for key, value in read_state_dict(file).items()}
    back = copy.deepcopy(model)
    back.load_checkpoint(state, weights[0])
    _require_equal(back, images, embedded, "export_checkpoint", "write what load_checkpoint takes")


def _check_refusals(model: Model) -> None:
    state = {name: value.clone() for name, value in model.module.state_dict().items()}
    name = max(state, key=lambda key: state[key].numel())
    weight = state[name]
    faulty = {
        "missing": {key: value for key, value in state.items() if key != name},
        "unexpected": state | {"rateval_testing.weight": torch.zeros(1)},
        "misshapen": state | {name: torch.cat([weight, weight[:1]])},
    }
    for fault, given in faulty.items():
        zeros = {key: torch.zeros_like(value) for key, value in given.items()}
        asked = f"raise RatevalError for a {fault} weight, and change nothing"
        try:
            model.load_checkpoint(zeros, _HERE)
        except RatevalError:
            now = model.module.state_dict()
            same = all(now[key].equal(value) for key, value in state.items())
            require(same, "Model.load_checkpoint", asked, "other weights than before")
        else:
            require(False, "Model.load_checkpoint", asked, "no error")


def _changed(model: Model) -> Model:
    """Return a copy of a model with other weights, each a little off by seeded noise."""
    other = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in other.module.parameters():
            noise = torch.randn(weight.shape, generator=generator).to(weight.device, weight.dtype)
            weight.add_(0.02 * noise * (weight.abs().mean() + 0.1))
    return other


def _require_equal(
    model: Model, images: torch.Tensor, wanted: torch.Tensor, member: str, asked: str
) -> None:
    off = difference(model.encode_image(images), wanted)
    require(off <= 1e-5, f"Model.{member}", asked, f"embeddings that differ by {off:.1e}")
    training = model.module.training
    require(not training, f"Model.{member}", "leave the module in eval mode", "training mode")
