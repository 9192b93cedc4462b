"""Every weight comes from the checkpoint, and no code in it ever runs."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from rateval.api import RatevalError
from rateval_clip.identity import digest
from rateval_clip.model import Clip
from rateval_clip.params import ClipParams

Build = Callable[..., Clip]
State = dict[str, torch.Tensor]


class Payload:
    """Create the file named by the environment when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


def _assert_loaded(model: Clip, state: State) -> None:
    loaded = model.module.state_dict()
    assert loaded.keys() == state.keys()
    for key, value in state.items():
        torch.testing.assert_close(loaded[key], value.float(), atol=0, rtol=0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3, "name": "x", "optimizer": {"lr": [0.1]}},
        lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {key: value.half() for key, value in state.items()},
        lambda state: state | {"logit_scale": state["logit_scale"].reshape(1)},
        lambda state: {
            **state,
            "input_resolution": torch.tensor(32),
            "context_length": torch.tensor(8),
            "vocab_size": torch.tensor(20),
            "attn_mask": torch.zeros(8, 8),
        },
    ],
)
@pytest.mark.parametrize("legacy", [True, False])
def test_torch_files(
    build: Build,
    config: dict[str, Any],
    state: State,
    tmp_path: Path,
    wrap: Callable[[State], Any],
    legacy: bool,
) -> None:
    path = tmp_path / "weights.pt"
    content = wrap(state)
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    half = content.get("visual.proj", state["visual.proj"]).dtype == torch.float16
    expected = {k: v.half() for k, v in state.items()} if half else state
    config["quick_gelu"] = "vocab_size" in content  # a file as OpenAI's are
    _assert_loaded(build(architecture=config, pretrained=str(path)), expected)


def test_safetensors_by_content(build: Build, state: State, saved: Path) -> None:
    misnamed = saved.rename(saved.with_suffix(".bin"))
    _assert_loaded(build(pretrained=str(misnamed)), state)


def test_weights_take_the_dtype_of_the_context(build: Build, saved: Path) -> None:
    model = build(pretrained=str(saved), dtype="float16")
    assert {value.dtype for value in model.module.parameters()} == {torch.float16}


@pytest.mark.parametrize("wrapper", ["model", "model_state_dict", "module"])
def test_another_wrapper_than_open_clips(
    build: Build, state: State, tmp_path: Path, wrapper: str
) -> None:
    path = tmp_path / "weights.pt"
    torch.save({wrapper: state, "epoch": 1, "args": {"lr": 0.1}}, path)
    _assert_loaded(build(pretrained=str(path)), state)


def test_a_damaged_file(build: Build, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(RatevalError, match=r"damaged or cut short .*; copy it again"):
        build(pretrained=str(saved))


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_a_pickle_with_code_is_refused_unexecuted(
    build: Build, state: State, tmp_path: Path, how: str
) -> None:
    path, target = tmp_path / "weights.pt", tmp_path / "created"
    content = {"state_dict": state, "extra": Payload(target)}
    if how == "pickle":
        path.write_bytes(pickle.dumps({"extra": Payload(target)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed"):
        build(pretrained=str(path))
    assert not target.exists()
    pickle.loads(pickle.dumps(Payload(target)))
    assert target.exists()  # the payload does work where pickles are trusted


def test_missing_and_unexpected_keys_are_listed_up_to_ten(
    build: Build, state: State, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    missing = [key for key in state if "resblocks.2" in key]
    kept = {key: value for key, value in state.items() if key not in missing}
    save_file(kept | {f"head.{n}": torch.zeros(1) for n in range(3)}, path)
    with pytest.raises(RatevalError) as caught:
        build(pretrained=str(path))
    message = str(caught.value)
    assert f"{len(missing)} missing ({', '.join(missing[:10])} and {len(missing) - 10} more)" in (
        message
    )
    assert "3 unexpected (head.0, head.1, head.2)" in message
    assert "the results would be those of partly random weights" in message


@pytest.mark.parametrize("kind", ["missing", "unexpected"])
def test_one_key_is_enough(build: Build, state: State, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights.safetensors"
    changed = dict(state)
    if kind == "missing":
        del changed["visual.proj"]
    else:
        changed["visual.projection"] = torch.zeros(1)
    save_file(changed, path)
    with pytest.raises(RatevalError, match=rf": 1 {kind} \(visual\.proj(ection)?\)\. Loaded"):
        build(pretrained=str(path))


def test_another_architecture(build: Build, saved: Path, config: dict[str, Any]) -> None:
    config["text_cfg"]["vocab_size"] = 30
    with pytest.raises(RatevalError) as caught:
        build(architecture=config, pretrained=str(saved))
    assert (
        "1 weights have another shape than those of this architecture "
        "(token_embedding.weight is (20, 16), must be (30, 16))"
    ) in str(caught.value)


def test_a_position_embedding_of_another_grid(
    build: Build, saved: Path, state: State, config: dict[str, Any]
) -> None:
    config["vision_cfg"]["image_size"] = 48
    wanted = {"architecture": config, "pretrained": str(saved)}
    with pytest.raises(
        RatevalError,
        match=r"position embedding is of another grid: .*is \(17, 32\), must be \(37, 32\); .*"
        "resize_positions = true",
    ):
        build(**wanted)
    resized = build(**wanted, resize_positions=True).module.state_dict()
    old = state["visual.positional_embedding"]
    expected = torch.nn.functional.interpolate(
        old[1:].T.reshape(1, 32, 4, 4).double(), size=(6, 6), mode="bicubic", antialias=True
    )
    found = resized["visual.positional_embedding"]
    assert torch.equal(found[0], old[0])
    torch.testing.assert_close(found[1:].double(), expected[0].flatten(1).T, atol=1e-5, rtol=0)
    for key in resized.keys() - {"visual.positional_embedding"}:
        assert torch.equal(resized[key], state[key])


def test_resizing_changes_nothing_that_fits(build: Build, saved: Path, state: State) -> None:
    _assert_loaded(build(pretrained=str(saved), resize_positions=True), state)


def test_the_digest_follows_the_bytes(
    state: State, saved: Path, config: dict[str, Any], tmp_path: Path
) -> None:
    params = ClipParams(architecture=config, pretrained=str(saved))
    before = digest(params)
    renamed = saved.with_name("renamed.safetensors")
    renamed.write_bytes(saved.read_bytes())
    assert digest(ClipParams(architecture=config, pretrained=str(renamed))) == before
    save_file(state | {"logit_scale": torch.tensor(1.0)}, saved)
    assert digest(params) != before


@pytest.mark.parametrize(
    "prefix", ["_orig_mod.", "model.", "net.", "backbone.", "model._orig_mod."]
)
def test_a_prefix_of_a_training_framework_is_stripped(
    build: Build, state: State, tmp_path: Path, prefix: str
) -> None:
    path = tmp_path / "weights.ckpt"
    prefixed = {prefix + key: value for key, value in state.items()}
    torch.save({"state_dict": prefixed | {"loss.weight": torch.ones(1)}}, path)
    model = build(pretrained=str(path))
    _assert_loaded(model, state)
    assert model.card.keys_ignored == ("loss.weight",)
    assert model.card.assumed[-2:] == (
        f'"{prefix}" stripped from {len(state)} names of weights',
        "1 tensors beside the weights left out: loss.weight",
    )


def test_two_copies_are_refused_until_one_is_chosen(
    build: Build, state: State, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    other = {key: value + 1 for key, value in state.items()}
    torch.save({"student": state, "teacher": other, "epoch": 2}, path)
    with pytest.raises(RatevalError, match=r'behind "student\." and behind "teacher\.", and noth'):
        build(pretrained=str(path))
    _assert_loaded(build(pretrained=str(path), prefix="teacher."), other)


def test_averaged_weights_by_choice(build: Build, state: State, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    other = {key: value + 1 for key, value in state.items()}
    torch.save({"state_dict": state, "state_dict_ema": other}, path)
    plain = build(pretrained=str(path))
    _assert_loaded(plain, state)
    assert "the file holds averaged ones, too, 'state_dict_ema', which" in plain.card.assumed[-1]
    _assert_loaded(build(pretrained=str(path), weights="model"), state)
    averaged = build(pretrained=str(path), weights="ema")
    _assert_loaded(averaged, other)
    assert averaged.card.assumed[-1] == "averaged weights, 'state_dict_ema'"


def test_shards_by_their_index(
    build: Build, config: dict[str, Any], state: State, tmp_path: Path
) -> None:
    names = list(state)
    places = {key: f"part-{index % 2}.safetensors" for index, key in enumerate(names)}
    for file in ("part-0.safetensors", "part-1.safetensors"):
        save_file({key: state[key] for key in names if places[key] == file}, tmp_path / file)
    index = tmp_path / "open_clip_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    _assert_loaded(build(pretrained=str(index)), state)
    params = ClipParams(architecture=config, pretrained=str(index))
    before = digest(params)
    save_file({key: state[key] + 1 for key in names[1::2]}, tmp_path / "part-1.safetensors")
    assert digest(params) != before
