"""Official layouts load as they are; anything else is refused with a reason."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rateval.api import RatevalError
from rateval_vlp.model import ImageTextModel
from rateval_vlp.weights import resize_positions

Build = Callable[..., ImageTextModel]
State = dict[str, torch.Tensor]
Save = Callable[[State], str]


@pytest.fixture
def family(build: Build) -> str:
    return build().card.architecture.partition(" ")[0].lower()


def _assert_holds(model: ImageTextModel, state: State) -> None:
    for key, value in model.module.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_released_checkpoint(
    build: Build,
    family: str,
    state: State,
    official: Callable[[State, str], State],
    tmp_path: Path,
) -> None:
    everything = official(state, family)
    path = tmp_path / "released.pth"
    torch.save({"model": everything, "epoch": 29, "config": {"image_res": 256}}, path)
    model = build(pretrained=str(path))
    _assert_holds(model, state)
    assert model.card.keys_used == len(state)
    assert model.card.keys_used + len(model.card.keys_ignored) == len(everything)
    assert model.card.checkpoint == str(path)
    assert {"image_queue", "visual_encoder_m.norm.bias"} <= set(model.card.keys_ignored)


def test_fine_tuned_retrieval_checkpoint_without_bert_in_its_keys(
    albef: Build, official: Callable[[State, str], State], save: Save
) -> None:
    state = albef(seed=7).module.state_dict()
    everything = {
        key.replace(".bert.", "."): value for key, value in official(state, "albef").items()
    }
    _assert_holds(albef(pretrained=save(everything)), state)


@pytest.mark.parametrize("wrapper", ["model", "state_dict", None])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrappers_and_prefix(
    build: Build, state: State, tmp_path: Path, wrapper: str | None, prefix: str
) -> None:
    prefixed = {prefix + key: value for key, value in state.items()}
    path = tmp_path / "weights.bin"
    torch.save({wrapper: prefixed} if wrapper else prefixed, path)
    _assert_holds(build(pretrained=str(path)), state)


def test_half_precision_weights_become_the_dtype_that_is_asked_for(
    build: Build, state: State, save: Save, images: torch.Tensor
) -> None:
    path = save({key: value.half() for key, value in state.items()})
    model = build(pretrained=path)
    _assert_holds(model, {key: value.half().float() for key, value in state.items()})
    assert model.encode_image(images).dtype == torch.float32
    half = build(pretrained=path, dtype="bfloat16")
    assert {weight.dtype for weight in half.module.parameters()} == {torch.bfloat16}
    with half.record_attention([0]) as recorded:
        assert half.encode_image(images).dtype == torch.bfloat16
    assert recorded[0].dtype == torch.float32


def test_position_embedding_of_another_square_grid_is_resized(
    build: Build, state: State, save: Save
) -> None:
    larger = torch.randn(1, 1 + 6 * 6, 32)
    model = build(pretrained=save(state | {"visual_encoder.pos_embed": larger}))
    used = model.module.state_dict()["visual_encoder.pos_embed"]
    assert torch.equal(used, resize_positions(larger, (4, 4)))
    assert torch.equal(used[:, 0], larger[:, 0])
    assert model.card.assumed == ("positions interpolated from 37 rows to 17",)
    assert build(pretrained=save(state)).card.assumed == ()


def test_bicubic_resize_against_its_formula() -> None:
    """One row of the plane, by the cubic convolution kernel with a = -0.75, clamped at the ends."""

    def kernel(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.25 * x**3 - 2.25 * x**2 + 1
        return -0.75 * x**3 + 3.75 * x**2 - 6 * x + 3 if x < 2 else 0.0

    source = torch.randn(6, generator=torch.Generator().manual_seed(3))
    plane = source.repeat(6, 1)
    positions = torch.cat([torch.zeros(1), plane.flatten()])[None, :, None]
    found = resize_positions(positions, (4, 4))[0, 1:5, 0]
    for column in range(4):
        center = (column + 0.5) * 6 / 4 - 0.5
        taps = range(int(center // 1) - 1, int(center // 1) + 3)
        wanted = sum(kernel(center - tap) * float(source[min(max(tap, 0), 5)]) for tap in taps)
        assert float(found[column]) == pytest.approx(wanted, abs=1e-5)


def test_position_embedding_of_a_grid_that_is_not_square(
    build: Build, state: State, save: Save
) -> None:
    path = save(state | {"visual_encoder.pos_embed": torch.randn(1, 1 + 12, 32)})
    with pytest.raises(RatevalError, match=r"13 rows.* 12 patches, which make no square grid"):
        build(pretrained=path)


@pytest.mark.parametrize("shape", [(17, 32), (1, 0, 32), (1, 17, 16), (1, 26, 16)])
def test_position_embedding_of_another_shape(
    build: Build, state: State, save: Save, shape: tuple[int, ...]
) -> None:
    path = save(state | {"visual_encoder.pos_embed": torch.zeros(shape)})
    with pytest.raises(RatevalError, match=r"pos_embed (is|has)"):
        build(pretrained=path)


def test_missing_and_unexpected_keys_are_named(build: Build, state: State, save: Save) -> None:
    del state["vision_proj.bias"]
    state["surprise.weight"] = torch.zeros(1)
    with pytest.raises(RatevalError) as caught:
        build(pretrained=save(state))
    message = str(caught.value)
    assert "1 missing (vision_proj.bias)" in message
    assert "1 unexpected (surprise.weight)" in message
    assert "partly random" in message


def test_ten_keys_at_most_are_named(build: Build, state: State, save: Save) -> None:
    kept = {key: value for key, value in state.items() if not key.startswith("visual_encoder.")}
    with pytest.raises(RatevalError, match=r"missing \((\S+, ){9}\S+ and \d+ more\)"):
        build(pretrained=save(kept))


def test_another_width(build: Build, state: State, save: Save, size: dict[str, Any]) -> None:
    with pytest.raises(
        RatevalError, match=r"have another shape.*cls_token is \(1, 1, 32\), must be \(1, 1, 48\)"
    ):
        build(pretrained=save(state), size=size | {"width": 48, "depth": 3})


@pytest.mark.parametrize("layers", [1, 3])
def test_another_number_of_text_layers(
    build: Build,
    family: str,
    state: State,
    official: Callable[[State, str], State],
    save: Save,
    size: dict[str, Any],
    layers: int,
) -> None:
    path = save(official(state, family))
    what = "unexpected" if layers == 1 else "missing"
    with pytest.raises(RatevalError, match=rf"16 {what} \(text_encoder\.encoder\.layer\."):
        build(pretrained=path, size=size | {"text_layers": layers})


def test_weights_of_the_other_model(albef: Build, blip: Build, save: Save) -> None:
    with pytest.raises(RatevalError, match=r"1 missing \(.*token_type_embeddings"):
        albef(pretrained=save(blip().module.state_dict()))
    with pytest.raises(RatevalError, match=r"1 unexpected \(.*token_type_embeddings"):
        blip(pretrained=save(albef().module.state_dict()))


@pytest.mark.parametrize("kind", ["safetensors", "torch", "legacy"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_truncated_file(
    build: Build, state: State, save: Save, tmp_path: Path, kind: str, share: float
) -> None:
    path = tmp_path / "weights.pth"
    if kind == "safetensors":
        path = Path(save(state))
    else:
        torch.save({"model": state}, path, _use_new_zipfile_serialization=kind == "torch")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RatevalError, match="cut short"):
        build(pretrained=str(path))


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_pickle_with_code_is_refused_and_not_executed(
    build: Build, state: State, tmp_path: Path, how: str
) -> None:
    path, trace = tmp_path / "weights.pth", tmp_path / "executed"
    content = {"model": state, "extra": _Bomb(trace)}
    if how == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed"):
        build(pretrained=str(path))
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"hello, this is a text", b"PK\x03\x04 and no more"])
def test_file_that_is_no_checkpoint(build: Build, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(RatevalError, match=r"weights\.pth: (not a checkpoint|.*damaged)"):
        build(pretrained=str(path))


def test_file_without_a_state_dict(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    for content, reason in (
        ([torch.zeros(1)], "holds no state dict"),
        ({"model": {}}, "holds no state dict"),
        ({"epoch": 3}, "entry 'epoch' is a int"),
    ):
        torch.save(content, path)
        with pytest.raises(RatevalError, match=reason):
            build(pretrained=str(path))


@pytest.mark.parametrize("prefix", ["_orig_mod.", "model."])
def test_a_prefix_of_a_training_framework_is_stripped(
    build: Build, state: State, save: Save, prefix: str
) -> None:
    plain = build(pretrained=str(save(state)))
    path = save({prefix + key: value for key, value in state.items()})
    model = build(pretrained=str(path))
    assert all(map(torch.equal, model.module.parameters(), plain.module.parameters()))
    assert model.card.assumed[-1].startswith(f'"{prefix}" stripped from ')
