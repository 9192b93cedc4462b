"""Image sizes and image processors that don't fit the model, each with its message."""

from __future__ import annotations

from typing import Any

import pytest

from rateval.api import RatevalError


def _refused(case: Any, said: str, **params: Any) -> None:
    with pytest.raises(RatevalError, match=said):
        case.make(**params)


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("llava", {"image_size": 64}, "image_size = 64: must be 32, which the image tower"),
        ("llava", {"tiles": True}, "tiles = true: LLaVA sees an image as a whole"),
        ("qwen2_vl", {"tiles": True}, "tiles = true: Qwen sees an image as a whole"),
        ("qwen2_vl", {"image_size": 36}, "image_size = 36: must be a multiple of 8, .*; give 32"),
        ("qwen2_vl", {"image_size": 72}, "makes 5184 pixels, and .* at least 64 and at most 4096"),
        ("smolvlm", {"image_size": 64}, "must be 32, .* or set tiles = true for a multiple"),
        ("smolvlm-tiles", {"image_size": 72}, "must be a multiple of 32, the side of its tiles"),
        ("smolvlm-tiles", {"image_size": 32}, "image_size = 32: is one tile, and nothing is cut"),
    ],
)
def test_sizes_must_fit(one: Any, name: str, params: dict[str, Any], said: str) -> None:
    _refused(one(name), said, **params)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("smolvlm", {"max_image_size": {"longest_edge": 64}}, "max_image_size = 64: must be 32"),
        ("smolvlm", {"do_normalize": False}, "do_normalize = false: images are resized"),
        ("smolvlm", {"rescale_factor": 0.5}, "rescale_factor = 0.5: images are resized"),
        ("smolvlm", {"evil": 1}, "evil = 1: is no option"),
        ("smolvlm", {"auto_map": {"a": "b"}}, "auto_map = .*code of the folder's own"),
        ("qwen2_vl", {"patch_size": 8}, "patch_size = 8: must be 4, as in"),
        ("qwen2_vl", {"merge_size": 4}, "merge_size = 4: must be 2, as in"),
        ("llava", {"do_pad": True}, "do_pad = true: images padded to squares"),
    ],
)
def test_image_processors_must_fit(
    copied: Any, edit: Any, name: str, changes: dict[str, Any], said: str
) -> None:
    case = copied(name)
    edit(case.folder / "processor_config.json", {"image_processor": changes})
    _refused(case, said)


def test_a_processor_of_other_image_tokens_is_refused(copied: Any, edit: Any) -> None:
    case = copied("idefics3")
    edit(case.folder / "processor_config.json", {"image_seq_len": 169})
    _refused(case, "image_seq_len = 169: but the model makes 4 tokens of an image")
