"""Weights fit or are named, files are named by their bytes, and configs are JSON objects."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from rateval.api import RatevalError
from rateval.modelkit import digest_files, read_json, require_same_weights

WANTED = {f"layer.{index}": torch.zeros(index + 1) for index in range(14)}


def _message(given: dict[str, torch.Tensor]) -> str:
    with pytest.raises(RatevalError) as caught:
        require_same_weights(given, WANTED, Path("a.pt"), owner="this model", remedy="give another")
    return str(caught.value)


def test_up_to_ten_of_each_fault_are_listed() -> None:
    message = _message({"layer.0": torch.zeros(2), "head": torch.zeros(1)})
    assert message.startswith(
        "a.pt: the keys are not those of this model: 13 missing (layer.1, layer.2, "
    )
    assert "layer.10 and 3 more); 1 unexpected (head); 1 of another shape (layer.0 is" in message
    assert "the results would be those of partly random weights; give another" in message


def test_shapes_alone() -> None:
    assert _message(WANTED | {"layer.1": torch.zeros(2, 1)}) == (
        "a.pt: 1 weights have another shape than those of this model (layer.1 is (2, 1), must be "
        "(2,)); give another"
    )


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "model.", "net.", "backbone.", "a.b."])
def test_a_prefix_of_every_key_is_named(prefix: str) -> None:
    message = _message({prefix + key: value for key, value in WANTED.items()})
    assert message.endswith(f'partly random weights; every key starts with "{prefix}"; strip it')


def test_what_a_training_framework_saves_beside_the_model() -> None:
    """Lightning's module holds the model, compiled or not, and its loss."""
    given = {f"model._orig_mod.{key}": value for key, value in WANTED.items()}
    assert _message(given | {"loss.weight": torch.ones(1)}).endswith(
        '14 of 15 keys start with "model._orig_mod."; strip it, and leave the others out'
    )


@pytest.mark.parametrize("wrapper", ["_orig_mod.", "_fsdp_wrapped_module."])
def test_a_wrapper_within_the_names_is_named(wrapper: str) -> None:
    given = {key.replace("layer.", f"layer.{wrapper}"): value for key, value in WANTED.items()}
    assert _message(given).endswith(f'14 of 14 keys hold "{wrapper}"; strip it')


def test_a_name_that_ends_alike_by_chance_is_no_prefix() -> None:
    given = {f"other.{index}": torch.zeros(1) for index in range(14)} | {
        "head.layer.0": WANTED["layer.0"]
    }
    assert _message(given).endswith("; give another")


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int64, torch.bool])
def test_codes_of_a_quantiser_are_no_weights(kind: torch.dtype) -> None:
    name = str(kind).removeprefix("torch.")
    assert f"1 weights are whole numbers (layer.3 is {name})" in _message(
        WANTED | {"layer.3": torch.zeros(4, dtype=kind)}
    )
    halves = {key: value.bfloat16() for key, value in WANTED.items()}
    require_same_weights(halves, WANTED, Path("a.pt"), owner="it", remedy="")


def test_a_digest_follows_roles_and_bytes_not_names(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    for path, text in ((one, "a"), (two, "a"), (other, "b")):
        path.write_text(text)
    found = digest_files({"weights": one, "config": None})
    assert found == digest_files({"weights": two})
    assert len({found, digest_files({"weights": other}), digest_files({"config": one})}) == 3
    # Results that are stored already are found by it, so that it must never change.
    sums = json.dumps({"weights": hashlib.sha256(b"a").hexdigest()})
    assert found == hashlib.sha256(sums.encode()).hexdigest()
    assert digest_files({"a": one, "b": other}) == digest_files({"b": other, "a": one})


def test_a_file_that_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match="absent: cannot be read: No such file"):
        digest_files({"weights": tmp_path / "absent"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a readable JSON config: Expecting"),
        ("\ufffd\udcff", "not a readable JSON config"),
        ("[1]", "not a config: it must hold a JSON object, not a list"),
    ],
)
def test_what_is_no_config(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RatevalError, match=f"config.json: {message}"):
        read_json(path)
    with pytest.raises(RatevalError, match=r"absent\.json: not a readable JSON config"):
        read_json(tmp_path / "absent.json")
