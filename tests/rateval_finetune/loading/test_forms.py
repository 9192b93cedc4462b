"""The forms in which people have their weights: each gives the logits of the plain checkpoint."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from rateval.api import Classifier, Context, RatevalError
from rateval.testing import RecordingLogbook, TinyModel, tiny_dataset, tiny_model
from rateval_finetune.loading.files import digest
from rateval_finetune.methods.checkpoint import make_checkpoint
from rateval_finetune.params import CheckpointParams

State = dict[str, torch.Tensor]
Images = Callable[[TinyModel], torch.Tensor]
CLASSES = tiny_dataset().classes


@pytest.fixture
def tuned() -> TinyModel:
    return tiny_model(seed=7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.ckpt"


def load(path: Path, **params: Any) -> Classifier:
    loader = make_checkpoint(CheckpointParams(path=path, **params), Context())
    return loader.fit(tiny_model(), None, CLASSES, RecordingLogbook())


def same(classifier: Classifier, model: TinyModel, images: torch.Tensor) -> bool:
    """Whether the classifier's model embeds images and prompts as ``model`` does, to the bit."""
    found = classifier.model
    texts = [prompt for prompts in model.prompts(CLASSES) for prompt in prompts]
    return found.encode_image(images).equal(model.encode_image(images)) and found.encode_text(
        texts
    ).equal(model.encode_text(texts))


class Trained(nn.Module):
    """What a training program wraps a model in, with a loss of its own."""

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.add_module(name, module)
        self.loss = nn.Linear(2, 2)


def lightning(model: nn.Module) -> object:
    state = Trained("model", model).state_dict()
    return {
        "epoch": 3,
        "global_step": 12,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": state,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []}],
        "hyper_parameters": {"lr": 0.1},
    }


def averaged(model: nn.Module) -> object:
    average = AveragedModel(model)
    average.update_parameters(model)
    return average.state_dict()


def compiled(model: nn.Module) -> object:
    return torch.compile(model).state_dict()  # type: ignore[attr-defined]


def partly_compiled(model: Any) -> object:
    model["image"] = torch.compile(model["image"])
    return {"model": Trained("net", model).state_dict()}


FORMS: dict[str, tuple[Callable[[nn.Module], object], str | None]] = {
    "lightning": (lightning, '"model." stripped'),
    "lightning, another name": (lambda m: Trained("net", m).state_dict(), '"net." stripped'),
    "nested": (
        lambda m: Trained("model", Trained("backbone", m)).state_dict(),
        '"model.backbone." stripped',
    ),
    "compiled": (compiled, '"_orig_mod." stripped'),
    "compiled in lightning": (
        lambda m: {"state_dict": Trained("model", torch.compile(m)).state_dict()},  # type: ignore[arg-type]
        '"model._orig_mod." stripped',
    ),
    "partly compiled": (partly_compiled, '"net." and "_orig_mod." stripped'),
    "data parallel": (lambda m: nn.DataParallel(m).state_dict(), '"module." stripped'),
    "averaged": (averaged, "averaged weights, by torch's AveragedModel (n_averaged 1)"),
    "deepspeed": (lambda m: {"module": m.state_dict(), "ds_version": "0.16"}, None),
    "model_state_dict": (lambda m: {"model_state_dict": m.state_dict(), "loss": 0.1}, None),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_logits_are_those_of_the_plain_checkpoint(
    form: str, tuned: TinyModel, path: Path, images: Images
) -> None:
    wrap, said = FORMS[form]
    torch.save(wrap(copy.deepcopy(tuned).module), path)
    classifier = load(path)
    assert same(classifier, tuned, images(tuned))
    told = " | ".join(classifier.model.card.assumed)
    assert (said in told) if said else not told


def test_what_stands_beside_is_named(tuned: TinyModel, path: Path) -> None:
    torch.save(lightning(tuned.module), path)
    card = load(path).model.card
    assert card.assumed[-1] == "2 tensors beside the weights left out: loss.weight, loss.bias"
    assert card.keys_ignored == ("loss.weight", "loss.bias")


def test_without_a_prefix_nothing_is_left_out(tuned: TinyModel, path: Path) -> None:
    torch.save(tuned.module.state_dict() | {"loss.scale": torch.ones(1)}, path)
    with pytest.raises(RatevalError, match=r"1 unexpected \(loss\.scale\)"):
        load(path)


def test_another_prefix_is_found_or_given(tuned: TinyModel, path: Path, images: Images) -> None:
    torch.save(Trained("mine", tuned.module).state_dict(), path)
    for params in ({}, {"prefix": "mine."}):
        assert same(load(path, **params), tuned, images(tuned))
    with pytest.raises(
        RatevalError,
        match=r'prefix = "my\.": no name of a weight begins with it; they begin with mine\., loss',
    ):
        load(path, prefix="my.")


def two(first: str, second: str) -> Callable[[TinyModel, Path], TinyModel]:
    def write(tuned: TinyModel, path: Path) -> TinyModel:
        other = tiny_model(seed=8)
        parts = ((first, tuned.module), (second, other.module))
        torch.save({f"{p}{k}": v for p, m in parts for k, v in m.state_dict().items()}, path)
        return other

    return write


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("student.", "teacher."), r'behind "student\." and behind "teacher\."'),
        (("", "ema."), r'without a prefix and behind "ema\.".* weights = "model" or "ema"$'),
        (("model.", "model_ema."), r'prefix = "model\." or prefix = "model_ema\.", or weights'),
        (("module.", "net._orig_mod."), r'behind "module\." and behind "net\._orig_mod\."'),
    ],
)
def test_of_two_copies_none_is_guessed(
    names: tuple[str, str], message: str, tuned: TinyModel, path: Path, images: Images
) -> None:
    other = two(*names)(tuned, path)
    with pytest.raises(RatevalError, match=message):
        load(path)
    assert same(load(path, prefix=names[1]), other, images(tuned))
    if "ema." in names[1]:
        assert same(load(path, weights="ema"), other, images(tuned))
        if names[0]:
            assert same(load(path, weights="model"), tuned, images(tuned))


@pytest.mark.parametrize(
    ("plain", "ema"),
    [
        ("state_dict", "state_dict_ema"),
        ("model", "model_ema"),
        ("model", "ema"),
        ("current_model_state", "state_dict"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_averaged_weights_are_a_choice(
    plain: str, ema: str, nested: bool, tuned: TinyModel, path: Path, images: Images
) -> None:
    other = tiny_model(seed=8)
    average: object = other.module.state_dict()
    content = {plain: tuned.module.state_dict(), ema: {"module": average} if nested else average}
    torch.save(content | {"epoch": 3}, path)
    classifier = load(path)
    assert same(classifier, tuned, images(tuned))
    assert (
        f'averaged ones, too, {ema!r}, which weights = "ema" takes'
        in (classifier.model.card.assumed[0])
    )
    assert same(load(path, weights="ema"), other, images(tuned))
    chosen = load(path, weights="model")
    assert same(chosen, tuned, images(tuned))
    assert chosen.model.card.assumed == ()


def test_averaged_weights_that_are_not_there(tuned: TinyModel, path: Path) -> None:
    torch.save({"model": tuned.module.state_dict(), "epoch": 1}, path)
    with pytest.raises(
        RatevalError, match=r'weights = "ema": the file holds no averaged weights .*model, epoch'
    ):
        load(path, weights="ema")
    torch.save({"model_ema": tuned.module.state_dict()}, path)
    with pytest.raises(RatevalError, match=r"averaged weights alone, under 'model_ema'; set weigh"):
        load(path)
    torch.save(averaged(tuned.module), path)
    with pytest.raises(RatevalError, match=r'weights = "model": the file holds averaged weights a'):
        load(path, weights="model")


class Config:
    """Hyperparameters as an object, which Lightning pickles."""


def test_a_pickled_config_says_how_to_save_the_weights(tuned: TinyModel, path: Path) -> None:
    torch.save({"state_dict": tuned.module.state_dict(), "hyper_parameters": Config()}, path)
    with pytest.raises(
        RatevalError,
        match=r"refused, and nothing in it was executed: it names .*Config.* by torch\.save\("
        r'torch\.load\("mine\.ckpt", weights_only=False\)\["state_dict"\], "weights\.pt"\)',
    ):
        load(path)


@pytest.fixture
def shards(tuned: TinyModel, tmp_path: Path) -> Path:
    """A folder as transformers and open_clip write large models."""
    state, folder = tuned.module.state_dict(), tmp_path / "large"
    folder.mkdir()
    names = sorted(state)
    files = [f"model-{number:05}-of-00003.safetensors" for number in (1, 2, 3)]
    places = {key: files[index % 3] for index, key in enumerate(names)}
    for file in set(places.values()):
        save_file({k: state[k].clone() for k in names if places[k] == file}, folder / file)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_shards_are_one_checkpoint(shards: Path, tuned: TinyModel, images: Images) -> None:
    index = shards / "model.safetensors.index.json"
    for given in (shards, index):
        assert same(load(given), tuned, images(tuned))
    first = digest(CheckpointParams(path=shards))
    assert digest(CheckpointParams(path=index)) == first
    shard = shards / "model-00002-of-00003.safetensors"
    shard.write_bytes(shard.read_bytes() + b" ")
    assert digest(CheckpointParams(path=shards)) != first


def missing(folder: Path) -> None:
    (folder / "model-00002-of-00003.safetensors").unlink()


def twice(folder: Path) -> None:
    name = sorted(tiny_model().module.state_dict())[0]
    file = folder / "model-00002-of-00003.safetensors"
    save_file({name: torch.zeros(1)}, file)


def elsewhere(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("model-00002", "../model-00002"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, r"names weights that are not in the folder: model-00002-of-00003\.safetensors"),
        (twice, r"00002-of-00003\.safetensors: lacks .* and holds .*, too, other than model\.safe"),
        (
            elsewhere,
            r"weight_map names '\.\./model-00002.*: must be the name of a file in",
        ),
    ],
)
def test_shards_that_do_not_belong_together(
    spoil: Callable[[Path], None], message: str, shards: Path
) -> None:
    spoil(shards)
    with pytest.raises(RatevalError, match=message):
        load(shards)
