"""Weights that are not finite are named, by the commands that meet them first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from rateval.cli.main import main
from rateval_clip.model import Clip


@pytest.mark.parametrize(("number", "fault"), [(float("nan"), "NaN"), (float("inf"), "NaN")])
def test_the_tensor_is_named_by_model_check_and_by_run(
    write_spec: Callable[[str], None],
    number: float,
    fault: str,
    build: Callable[..., Clip],
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
    name = "visual.transformer.resblocks.1.attn.out_proj.weight"
    state[name][0, :2] = number
    save_file(state, "weights.safetensors")
    write_spec("weights.safetensors")
    capsys.readouterr()
    assert main(["model", "check", "spec.toml"]) == 2
    assert f"are {fault}; its weights are not finite: {name} (" in capsys.readouterr().err
    assert main(["run", "spec.toml"]) == 1
    said = "".join(capsys.readouterr())
    assert "model config.json: logits are NaN for image " in said
    assert "(8 of 8 images in its batch); its weights are not finite: " in said
    assert f"{name} (" in said
    assert "2 of 1024 numbers)" in said
    assert "the attribution" not in said
