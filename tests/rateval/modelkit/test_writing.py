from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from rateval.modelkit.checkpoint_files.reading import read_state_dict
from rateval.modelkit.writing import (
    copy_file,
    copy_tokenizer,
    write_safetensors,
    write_salesforce_checkpoint,
)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    weight = torch.nn.Parameter(torch.arange(12.0).reshape(3, 4))
    return {
        "visual_encoder.weight": weight,
        "visual_encoder.turned": weight.T,
        "temp": torch.tensor(0.07),
    }


@pytest.mark.parametrize("write", [write_safetensors, write_salesforce_checkpoint])
def test_tensors_that_share_numbers_come_back_as_they_were(
    state: dict[str, torch.Tensor], tmp_path: Path, write: object
) -> None:
    path = tmp_path / "not" / "yet" / "there.pth"
    assert callable(write)
    assert write(state, path) == path
    found = read_state_dict(path)
    for key, value in state.items():
        assert found[key].equal(value)
        assert not found[key].requires_grad


def test_metadata_stands_in_the_header(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = write_safetensors(state, tmp_path / "x.safetensors", {"classes": "dog"})
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "classes": "dog"}


def test_equal_content_is_equal_bytes(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    metadata = {"made_of": '{"a": "\\u00e9 \x01 \\" \u2028 \U0001f600"}', "b": "x" * 90, "a": ""}
    paths = [
        write_safetensors(state, tmp_path / str(number), dict(reversed(metadata.items())))
        for number in range(6)
    ]
    assert len({path.read_bytes() for path in paths}) == 1
    with safe_open(paths[0], "pt") as file:
        assert file.metadata() == {"format": "pt", **metadata}
        assert file.get_tensor("temp").equal(state["temp"])


def test_a_disk_that_refuses_a_file_is_an_oserror(
    state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="Is a directory") as caught:
        write_safetensors(state, tmp_path / "folder")
    assert caught.value.filename == str(tmp_path / "folder")


def test_a_salesforce_checkpoint_holds_momentum_copies(
    state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    path = write_salesforce_checkpoint(state, tmp_path / "model.pth")
    content = torch.load(path, weights_only=True)
    assert list(content) == ["model"]
    copies = content["model"].keys() - state.keys()
    assert copies == {"visual_encoder_m.weight", "visual_encoder_m.turned"}


def test_a_tokenizer_s_files_are_copied_and_no_other(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "made" / "here"
    source.mkdir()
    for name in ("tokenizer.json", "vocab.txt", "config.json", "notes.txt"):
        (source / name).write_text(name)
    copies = copy_tokenizer(source, folder)
    assert set(copies) == set(folder.iterdir())
    assert {path.name: path.read_text() for path in copies} == {
        name: name for name in ("tokenizer.json", "vocab.txt")
    }


def test_a_file_is_copied_over_itself_unharmed(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("words")
    assert copy_file(path, path) == path
    assert path.read_text() == "words"
