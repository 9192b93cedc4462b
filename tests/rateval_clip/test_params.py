"""Params say what is wrong before any model is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rateval_clip.params import ClipParams
from rateval_clip.plugin import rateval_register_models


def _message(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        ClipParams(**values)
    errors = caught.value.errors()
    assert len(errors) == 1
    return f"{'.'.join(map(str, errors[0]['loc']))}: {errors[0]['msg']}"


def test_defaults() -> None:
    params = ClipParams()
    assert (params.architecture, params.pretrained) == ("quickstart", None)
    assert params.prompt == "a photo of a {class}"


def test_every_field_is_described() -> None:
    assert all(field.description for field in ClipParams.model_fields.values())


def test_a_list_of_templates_is_kept() -> None:
    assert ClipParams(prompt=["a {class}", "{class}!"]).prompt == ("a {class}", "{class}!")


def test_a_dir_may_be_named_as_open_clip_does(tmp_path: Path) -> None:
    assert ClipParams(architecture=f"local-dir:{tmp_path}").pretrained is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"architecture": "./absent"}, "architecture: .*no such file: absent; give a folder"),
        ({"architecture": "absent.json"}, "no such file: absent.json"),
        ({"architecture": "local-dir:absent"}, "no such file: absent"),
        ({"architecture": "ViT-B/32", "pretrained": "x"}, 'no slash, such as "ViT-B-32"'),
        ({"architecture": 3}, "must be the name of an open_clip architecture"),
        ({"architecture": {"embed_dim": 2}}, "it lacks vision_cfg, text_cfg"),
        ({"architecture": "ViT-B-32"}, "pretrained is missing"),
        ({"pretrained": "absent.pt"}, "pretrained: .*no such file: absent.pt"),
        ({"pretrained": "some/tag"}, "no such file: some/tag"),
        ({"prompt": "a photo"}, "'a photo' is no template; it must hold {class}"),
        ({"prompt": "a {class} {colour}"}, "nothing else in braces"),
        ({"prompt": ["a {class}", "b"]}, "'b' is no template"),
        ({"prompt": []}, "prompt: .*must be a template"),
        ({"prompt": 1}, "prompt: .*must be a template"),
        ({"image_mean": [0.5, 0.5, 2]}, r"image_mean\.2: .*less than or equal to 1"),
        ({"image_std": [0.5, 0.5, 0]}, r"image_std\.2: .*greater than 0"),
        ({"precision": "fp16"}, "precision: Extra inputs"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    import re

    assert re.search(message, _message(**values))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, rateval_clip.plugin, rateval_attention.plugin\n"
        "assert 'pydantic' not in sys.modules\n"
        "from rateval_clip.params import ClipParams; import rateval_attention.params\n"
        "from rateval_clip.identity import digest\n"
        "print({'torch', 'open_clip', 'transformers', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_the_component_is_registered() -> None:
    (component,) = rateval_register_models()
    assert (component.name, component.extra) == ("clip", "clip")
    assert "open_clip" in component.requires
