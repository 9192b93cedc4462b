"""Types of params that model plugins share refuse what makes no sense, by the key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rateval.api import Params, RatevalError
from rateval.modelkit import (
    ImageMean,
    ImageStd,
    PromptTemplates,
    TowerSizeParams,
    require_bert_vocabulary,
    require_bert_words,
    require_vocabulary_size,
)
from rateval.registry.describe import describe_parameters


class GivenParams(Params):
    """Hold one of each."""

    prompt: PromptTemplates = "a photo of a {class}"
    """A template."""
    image_mean: ImageMean | None = None
    """A mean."""
    image_std: ImageStd = (1, 1, 1)
    """A deviation."""
    size: TowerSizeParams = TowerSizeParams()
    """Sizes."""


def _read(values: dict[str, Any]) -> GivenParams:
    # As the spec's reader does it: strict, through JSON.
    return GivenParams.model_validate_json(json.dumps(values), strict=True)


def test_what_fits_is_kept() -> None:
    given = _read(
        {
            "prompt": ["a {class}", "{class}, {class}!"],
            "image_mean": [0, 0.5, 1],
            "size": {"image_size": 64, "patch_size": 8},
        }
    )
    assert given.prompt == ("a {class}", "{class}, {class}!")
    assert given.image_mean == (0, 0.5, 1)
    assert (given.size.image_size, given.size.text_layers) == (64, 12)
    assert _read({"prompt": "{class}"}).prompt == "{class}"


@pytest.mark.parametrize(
    ("values", "where", "message"),
    [
        ({"prompt": "a photo"}, ("prompt",), "'a photo' is no template; it must hold {class}"),
        ({"prompt": "a {class} {colour}"}, ("prompt",), "nothing else in braces"),
        ({"prompt": ["a {class}", "b"]}, ("prompt",), "'b' is no template"),
        ({"prompt": ["a {class}", 3]}, ("prompt",), "3 is no template"),
        ({"prompt": []}, ("prompt",), "must be a template"),
        ({"prompt": 1}, ("prompt",), "must be a template"),
        ({"image_mean": [0.5, 0.5, 2]}, ("image_mean", 2), "less than or equal to 1"),
        ({"image_mean": [-1, 0.5, 0]}, ("image_mean", 0), "greater than or equal to 0"),
        ({"image_mean": [0.5, 0.5]}, ("image_mean", 2), "required"),
        ({"image_std": [0.5, 0, 0.5]}, ("image_std", 1), "greater than 0"),
        ({"image_std": [11, 1, 1]}, ("image_std", 0), "less than or equal to 10"),
        ({"size": {"image_size": 60}}, ("size",), "image_size = 60 must be a multiple of patch_"),
        ({"size": {"width": 100}}, ("size",), "width = 100 must be a multiple of heads = 12"),
        ({"size": {"text_heads": 7}}, ("size",), "text_width = 768 must be a multiple of text_h"),
        ({"size": {"depth": 0}}, ("size", "depth"), "greater than or equal to 1"),
    ],
)
def test_what_is_refused(
    values: dict[str, Any], where: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        _read(values)
    (error,) = caught.value.errors()
    assert error["loc"] == where
    assert message in error["msg"]


def test_what_rateval_show_says_of_them() -> None:
    types = {found.name: found.type for found in describe_parameters(GivenParams)}
    assert types == {
        "prompt": "text | list of text",
        "image_mean": "list of 3 × number",
        "image_std": "list of 3 × number",
        "size": "table",
    }


def test_sizes_are_called_as_timm_and_transformers_call_them() -> None:
    sizes = TowerSizeParams(image_size=32, patch_size=8, width=24, depth=3, heads=2)
    expected = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 2}
    assert sizes.vision_arguments == expected
    sizes = TowerSizeParams(text_width=24, text_layers=3, text_heads=2, text_intermediate=8)
    assert sizes.text_arguments == {
        "vocab_size": 30522,
        "hidden_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "max_position_embeddings": 512,
    }


def test_a_vocabulary_is_berts_and_the_models_own() -> None:
    path = Path("vocab.txt")
    assert require_bert_vocabulary(path, "mine") == path
    with pytest.raises(RatevalError, match=r"mine: no vocabulary on this machine: .*fetch bert-v"):
        require_bert_vocabulary(None, "mine")
    with pytest.raises(RatevalError, match=r"it lacks \[PAD\], \[SEP\]"):
        require_bert_words(["[CLS]", "[UNK]"], path)
    for found in (18, 19, 20):
        require_vocabulary_size(found, 20, path, "mine", added=2)
    for found in (17, 21):
        with pytest.raises(RatevalError, match=f"has {found} words, but .* of mine has 20 rows"):
            require_vocabulary_size(found, 20, path, "mine", added=2)


def test_importing_what_needs_no_library_is_light() -> None:
    code = (
        "import sys, rateval.modelkit\n"
        "from rateval.modelkit import digest_files, read_json, list_some, suggest, choose_layers\n"
        "print({'torch', 'pydantic', 'safetensors', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
