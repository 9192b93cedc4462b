"""A checkpoint is loaded whole or refused, and nothing in it is executed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from rateval.api import RatevalError
from rateval_lavis.files import digest
from rateval_lavis.model import LavisModel
from rateval_lavis.params import LavisBlipParams

Make = Callable[..., LavisModel]
State = dict[str, torch.Tensor]


@pytest.fixture
def state(make: Make) -> State:
    """Weights other than those of seed 0."""
    weights = make(seed=7).module.state_dict()
    return {key: value.clone() for key, value in weights.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def _same(model: LavisModel, state: State) -> bool:
    found = model.module.state_dict()
    return found.keys() == state.keys() and all(found[key].equal(state[key]) for key in state)


def test_layouts(make: Make, state: State, path: Path) -> None:
    training = {"model": state, "epoch": 3, "config": {"lr": 1e-5, "name": "x"}, "optimizer": {}}
    for content in (state, {"model": state}, training):
        torch.save(content, path)
        assert _same(make(pretrained=str(path)), state)
    torch.save({"model": state}, path, _use_new_zipfile_serialization=False)
    assert _same(make(pretrained=str(path)), state)
    save_file(state, path)
    assert _same(make(pretrained=str(path)), state)


def test_bert_inside_its_head(albef: Make, path: Path) -> None:
    state = albef(seed=7).module.state_dict()
    official = {
        key.replace("text_encoder.", "text_encoder.bert."): value
        for key, value in state.items()
        if not key.endswith("position_ids")
    }
    torch.save({"model": official}, path)
    assert _same(albef(pretrained=str(path)), state)


def test_what_has_no_use_is_ignored_and_said(make: Make, state: State, path: Path) -> None:
    unused = {
        f"{part}_m.{rest}": value
        for part, _, rest in (key.partition(".") for key in state)
        if rest
        for value in [torch.zeros(1)]
    }
    unused |= dict.fromkeys(
        ("image_queue", "idx_queue", "queue_ptr", "itm_head.weight", "text_decoder.cls.bias"),
        torch.zeros(1),
    )
    torch.save({"model": state | unused}, path)
    model = make(pretrained=str(path))
    assert _same(model, state)
    assert set(unused) <= set(model.card.keys_ignored)
    assert model.card.keys_used == len(state) - 1


def test_half_precision_weights_become_float32(make: Make, state: State, path: Path) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    torch.save({"model": half}, path)
    model = make(pretrained=str(path))
    widened = {k: v.float() if v.is_floating_point() else v for k, v in half.items()}
    assert _same(model, widened)


def test_another_square_grid_is_interpolated(make: Make, path: Path, capsys: Any) -> None:
    state = make(seed=7).module.state_dict()
    key = "visual_encoder.pos_embed"
    # A constant grid stays constant; the class token's row is never touched.
    token = torch.arange(64.0).expand(1, 1, 64)
    state[key] = torch.cat([token, torch.full((1, 25, 64), 0.25)], 1)
    torch.save({"model": state}, path)
    model = make(pretrained=str(path))
    assert model.card.assumed == ("positions interpolated from 26 rows to 17",)
    found = model.module.state_dict()[key]
    torch.testing.assert_close(found[:, :1], token)
    torch.testing.assert_close(found[:, 1:], torch.full((1, 16, 64), 0.25))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("shape", [(1, 16, 64), (1, 1, 64), (17, 64)])
def test_a_grid_that_is_not_square(
    make: Make, state: State, path: Path, shape: tuple[int, ...]
) -> None:
    torch.save({"model": state | {"visual_encoder.pos_embed": torch.zeros(shape)}}, path)
    with pytest.raises(RatevalError, match=r"not a class token and a square grid.*4 x 4"):
        make(pretrained=str(path))


def test_missing_and_unexpected_keys(make: Make, state: State, path: Path) -> None:
    kept = {key: value for key, value in state.items() if not key.startswith("visual_encoder.")}
    torch.save({"model": kept | {"visual.conv1.weight": torch.zeros(1)}}, path)
    with pytest.raises(RatevalError) as caught:
        make(pretrained=str(path))
    message = str(caught.value)
    assert "54 missing (visual_encoder.cls_token, " in message
    assert "and 44 more" in message
    assert "1 unexpected (visual.conv1.weight)" in message


@pytest.mark.parametrize(("layers", "what"), [(1, "unexpected"), (3, "missing")])
def test_a_wrong_number_of_text_layers(
    albef: Make, size: dict[str, Any], golden_weights: Path, layers: int, what: str
) -> None:
    size["text_layers"] = layers
    with pytest.raises(RatevalError, match=rf"{what} \(text_encoder\.encoder\.layer\.[12]\."):
        albef(pretrained=str(golden_weights), size=size)


def test_weights_of_another_shape(make: Make, state: State, path: Path) -> None:
    state["text_proj.weight"] = torch.zeros(32, 65)
    torch.save({"model": state}, path)
    with pytest.raises(RatevalError, match=r"text_proj.weight is \(32, 65\), must be \(32, 64\)"):
        make(pretrained=str(path))


def test_an_embedding_of_another_vocabulary(make: Make, state: State, path: Path) -> None:
    key = "text_encoder.embeddings.word_embeddings.weight"
    torch.save({"model": state | {key: torch.zeros(122, 64)}}, path)
    with pytest.raises(RatevalError, match=r"word_embeddings.weight is \(122, 64\), must be \(120"):
        make(pretrained=str(path))


class Bomb:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("exploded"),)


def test_a_pickle_with_code(
    make: Make, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path.write_bytes(pickle.dumps({"model": Bomb()}))
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed"):
        make(pretrained=str(path))
    torch.save({"model": Bomb()}, path)
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed"):
        make(pretrained=str(path))
    assert not (tmp_path / "exploded").exists()


def test_damaged_files(make: Make, state: State, path: Path) -> None:
    for save in (lambda: torch.save({"model": state}, path), lambda: save_file(state, path)):
        save()
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(RatevalError, match="damaged or cut short"):
            make(pretrained=str(path))
    for content in (b"", b"no checkpoint at all"):
        path.write_bytes(content)
        with pytest.raises(RatevalError, match=str(path)):
            make(pretrained=str(path))


@pytest.mark.parametrize("content", [{}, {"model": {}}, [1], {"model": {"epoch": 3}}])
def test_no_state_dict(make: Make, path: Path, content: Any) -> None:
    torch.save(content, path)
    with pytest.raises(RatevalError, match="holds no state dict"):
        make(pretrained=str(path))


def test_the_digest_follows_the_bytes_not_the_names(
    size: dict[str, Any], tmp_path: Path, vocabulary: Path
) -> None:
    def named(path: Path, vocabulary: Path) -> str:
        given: dict[str, Any] = {"pretrained": str(path), "vocabulary": str(vocabulary)}
        return digest(LavisBlipParams(size=size, **given))

    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save_file({"a": torch.zeros(1)}, one)
    two.write_bytes(one.read_bytes())
    assert named(one, vocabulary) == named(two, vocabulary)
    save_file({"a": torch.ones(1)}, two)
    assert named(one, vocabulary) != named(two, vocabulary)
    other = tmp_path / "other.txt"
    other.write_text(vocabulary.read_text().replace("dog", "cat"))
    assert named(one, vocabulary) != named(one, other)


def test_weights_come_from_the_seed_and_leave_torchs_alone(make: Make) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, again, other = make(seed=1), make(seed=1), make(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert _same(one, again.module.state_dict())
    assert not _same(one, other.module.state_dict())
