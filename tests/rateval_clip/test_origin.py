"""Weights by their path are held against what they were trained with, as tags are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file

import rateval
from rateval.api import RatevalError
from rateval.cli.main import main
from rateval_clip.architecture import find_architecture
from rateval_clip.checkpoint.agreement import list_assumptions, require_agreement
from rateval_clip.checkpoint.origin import Origin, find_origin
from rateval_clip.model import Clip
from rateval_clip.params import ClipParams
from rateval_clip.preprocessing import make_geometry

Build = Callable[..., Clip]
State = dict[str, torch.Tensor]
OPENAI = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
"""Of OpenAI's ViT-B-32.pt, as open_clip has it."""
ARCHIVE = {
    "input_resolution": torch.tensor(32),
    "context_length": torch.tensor(8),
    "vocab_size": torch.tensor(20),
}


def write_weights(folder: Path, name: str = "weights.pt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"weights")
    return path


def agree(path: Path, architecture: str, keys: tuple[str, ...] = (), **params: Any) -> Origin:
    """Look at a file under one of open_clip's architectures, without building it."""
    origin = find_origin(path, keys)
    assert origin is not None
    asked = ClipParams(architecture=architecture, pretrained=str(path), **params)
    made = find_architecture(asked)
    _, preprocessing = make_geometry(made.preprocessing | {"size": 224})
    require_agreement(origin, made, asked, preprocessing, path)
    assert list_assumptions(origin, made, asked, preprocessing) == ()
    return origin


def test_openais_archives_tell_by_their_tensors(tmp_path: Path) -> None:
    path = write_weights(tmp_path)
    with pytest.raises(
        RatevalError,
        match=r"weights\.pt: these weights were trained with QuickGELU \(it holds "
        r"input_resolution, context_length, vocab_size, as OpenAI's archives do\), and ViT-B-32 "
        r"computes GELU, which "
        r'would change every result; use architecture = "ViT-B-32-quickgelu"$',
    ):
        agree(path, "ViT-B-32", tuple(ARCHIVE))
    assert agree(path, "ViT-B-32-quickgelu", tuple(ARCHIVE)).quick_gelu


@pytest.mark.parametrize(
    ("digest", "architecture", "mend"),
    [
        (OPENAI, "ViT-B-32", "ViT-B-32-quickgelu"),
        ("d867053b" + "0" * 56, "ViT-B-32", "ViT-B-32-quickgelu"),
        ("af8dbd0c" + "0" * 56, "ViT-B-32-quickgelu", "ViT-B-32"),
        ("00efa78f" + "0" * 56, "ViT-B-16-quickgelu", "ViT-B-16"),
    ],
)
def test_files_of_open_clips_table_tell_by_their_digest(
    digest: str, architecture: str, mend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rateval_clip.checkpoint.origin.digest_of", lambda _: digest)
    path = write_weights(tmp_path, "renamed.pt")
    with pytest.raises(RatevalError, match=rf'digest is that of .*use architecture = "{mend}"$'):
        agree(path, architecture)
    agree(path, mend)


@pytest.mark.parametrize(
    ("place", "file", "architecture"),
    [
        ("DFN2B-CLIP-ViT-B-16", "open_clip_pytorch_model.bin", "ViT-B-16"),
        ("hub/models--apple--DFN2B-CLIP-ViT-L-14/snapshots/1f", "weights.bin", "ViT-L-14"),
        ("hub/models--timm--vit_base_patch32_clip_224.metaclip_400m/x", "a.bin", "ViT-B-32"),
        ("anywhere", "b32_400m.pt", "ViT-B-32"),
        ("anywhere", "b16_fullcc2.5b.pt", "ViT-B-16"),
    ],
)
def test_dfn_and_metaclip_tell_by_their_place_or_name(
    place: str, file: str, architecture: str, tmp_path: Path
) -> None:
    path = write_weights(tmp_path / place, file)
    with pytest.raises(RatevalError, match=rf'"{architecture}-quickgelu"$'):
        agree(path, architecture)
    assert agree(path, f"{architecture}-quickgelu").quick_gelu


def test_every_tag_is_refused_by_path_as_by_name(tmp_path: Path) -> None:
    """Under the cache's folders, what open_clip knows of its tags holds for their files."""
    looked = 0
    for name, tag in open_clip.list_pretrained():
        entry = open_clip.get_pretrained_cfg(name, tag)
        if not name.startswith("ViT-") or f"{name}-quickgelu" not in open_clip.list_models():
            continue
        folder = "models--" + entry["hf_hub"].rpartition("/")[0].replace("/", "--")
        origin = find_origin(write_weights(tmp_path / folder, "model.bin"), ())
        assert origin is not None
        assert origin.quick_gelu == bool(entry.get("quick_gelu")), (name, tag)
        looked += 1
    assert looked > 30


def test_another_normalisation_than_the_files_is_refused(tmp_path: Path) -> None:
    """Tags of ViT-L-14 differ in it, so that the architecture alone doesn't say."""
    path = write_weights(tmp_path / "models--laion--CLIP-ViT-L-14-laion2B-s32B-b82K" / "x")
    with pytest.raises(
        RatevalError,
        match=r"prepared by mean = \(0\.5, 0\.5, 0\.5\), std = \(0\.5, 0\.5, 0\.5\) .* would "
        r"prepare them by mean = \(0\.48.*; set image_mean and image_std, give the tag",
    ):
        agree(path, "ViT-L-14")
    half = [0.5, 0.5, 0.5]
    agree(path, "ViT-L-14", image_mean=half, image_std=half)
    squashed = write_weights(tmp_path / "models--apple--DFN5B-CLIP-ViT-H-14" / "x")
    with pytest.raises(RatevalError, match=r"resize_mode = squash .*; give the tag as pretrained"):
        agree(squashed, "ViT-H-14-quickgelu")


def test_a_name_of_an_architecture_is_no_origin(tmp_path: Path) -> None:
    assert find_origin(write_weights(tmp_path / "ViT-B-16-SigLIP", "mine.pt"), ()) is None
    assert find_origin(write_weights(tmp_path, "ViT-B-32.pt"), ()) is None


@pytest.mark.parametrize("other", [True, False])
def test_the_config_beside_a_file_is_believed(
    other: bool, build: Build, config: dict[str, Any], saved: Path
) -> None:
    beside = saved.with_name("open_clip_config.json")
    beside.write_text(json.dumps({"model_cfg": config | {"quick_gelu": other}}))
    wanted = {"architecture": config | {"quick_gelu": True}, "pretrained": str(saved)}
    if other:
        (images,) = build(**wanted).card.assumed
        assert images.startswith("images by mean 0.4815 0.4578 0.4082, std ")
        return
    with pytest.raises(
        RatevalError, match=r"trained with GELU .*; set quick_gelu = false in the config of the arc"
    ):
        build(**wanted)


def test_the_card_says_what_was_assumed(
    build: Build, config: dict[str, Any], saved: Path, state: State
) -> None:
    activation, images = build(pretrained=str(saved)).card.assumed
    assert activation == (
        "activation GELU, as the inline architecture has it; nothing says whether the weights were "
        "trained with QuickGELU"
    )
    assert images.endswith(
        "as open_clip's default has it; nothing says what the weights were trained on"
    )
    given = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    _, images = build(pretrained=str(saved), **given).card.assumed
    assert images.startswith("images by interpolation bicubic, resize_mode shortest, as ")
    assert build().card.assumed == ()
    config["vision_cfg"]["image_size"] = 48
    wanted = {"architecture": config, "pretrained": str(saved)}
    *_, positions = build(**wanted, resize_positions=True).card.assumed
    assert positions == "positions interpolated from 17 rows to 37"


def test_what_is_loaded_later_is_looked_at_as_well(build: Build, state: State, saved: Path) -> None:
    model = build(seed=1)
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    with pytest.raises(RatevalError, match=r"trained with QuickGELU .*set quick_gelu = true in"):
        model.load_checkpoint(state | ARCHIVE, saved)
    assert all(torch.equal(before[key], value) for key, value in model.module.state_dict().items())
    model.load_checkpoint(state, saved)
    assert len(model.card.assumed) == 2


def test_model_check_and_run_json_say_it(
    write_spec: Callable[[str], None],
    build: Build,
    config: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "2000")
    config["text_cfg"] |= {"vocab_size": 49408, "context_length": 16}
    Path("config.json").write_text(json.dumps(config))
    state = build(architecture=config).module.state_dict()
    save_file(state, "weights.safetensors")
    write_spec("weights.safetensors")
    assert main(["model", "check", "spec.toml"]) == 0
    said = "activation GELU, as config.json has it; nothing says whether the weights were trained"
    assert said in capsys.readouterr().out
    for reused in (False, True):
        (cell,) = rateval.run("spec.toml").cells
        assert cell.assumed[0].startswith(said), reused
    assert said in (max(Path("runs").glob("small-*")) / "run.json").read_text()
    torch.save(state | ARCHIVE, "weights.pt")
    write_spec("weights.pt")
    for words in (["model", "check"], ["run"]):
        assert main([*words, "spec.toml"]) == 2
        assert "these weights were trained with QuickGELU" in capsys.readouterr().err
