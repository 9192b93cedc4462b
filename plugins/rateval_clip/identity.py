"""A digest of the files that make a CLIP. Only for weights by path does it import torch."""

from __future__ import annotations

from typing import Any

from rateval.modelkit import digest_files, weight_files
from rateval_clip.files import Layout, locate_config, locate_weights
from rateval_clip.options import check_options, read_config
from rateval_clip.params import ClipParams, checkpoint_path
from rateval_clip.tokenizer_files import check_tokenizer_files


def digest(params: ClipParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are the config, the tokenizer's files and the checkpoint. Raises RatevalError when one of
    them cannot be found, when config or tokenizer ask for what they may not, and when the
    checkpoint is known to be of another model.
    """
    layout = locate_config(params.architecture)
    _check(params.architecture, layout)
    weights = locate_weights(params, layout)
    if weights is not None and checkpoint_path(params.pretrained) is not None:
        # Only what is told by its path may be of another architecture; open_clip imports torch.
        from rateval_clip.checkpoint.agreement import check_file

        check_file(params, weights)
    paths = {"config": layout.config} | ({} if weights is None else weight_files(weights))
    if layout.folder is not None:
        # Tokenizers come as .json, .txt or .model files; all of them count.
        files = (p for p in layout.folder.iterdir() if p.suffix in {".json", ".txt", ".model"})
        paths |= {path.name: path for path in files}
    return digest_files(paths)


def _check(architecture: str | dict[str, Any], layout: Layout) -> None:
    config: Any = architecture
    if layout.config is not None:
        config, _ = read_config(layout.config)
    elif isinstance(architecture, str):
        return  # open_clip's own, which only open_clip can tell
    options = check_options(config, layout.source).options()
    check_tokenizer_files(options["text_cfg"], layout.folder, layout.name)
