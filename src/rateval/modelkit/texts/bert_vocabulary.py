"""BERT's vocabulary: found on this machine, and refused where it is not a model's own."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from rateval.errors import RatevalError

_REPOSITORIES = ("google-bert/bert-base-uncased", "bert-base-uncased")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def cached_bert_vocabulary() -> Path | None:
    """Find vocab.txt of bert-base-uncased in the user's Hugging Face cache; None when absent.

    Needs huggingface_hub, and asks no network.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    for repository in _REPOSITORIES:
        found = try_to_load_from_cache(repository, "vocab.txt", cache_dir=constants.HF_HUB_CACHE)
        if isinstance(found, str):
            return Path(found)
    return None


def require_bert_vocabulary(path: Path | None, name: str) -> Path:
    """Return ``path``. Raises RatevalError that says how to get it when it is None.

    ``name`` is the model's.
    """
    if path is None:
        raise RatevalError(
            f"{name}: no vocabulary on this machine: vocab.txt of huggingface.co/"
            f"{_REPOSITORIES[0]} is neither given nor in your Hugging Face cache, and rateval "
            "downloads nothing in a run; set vocabulary to the path of that file, which `rateval "
            "model fetch bert-vocabulary` downloads"
        )
    return path


def require_bert_words(words: Container[str], path: Path) -> None:
    """Raise RatevalError unless the vocabulary at ``path`` has BERT's special words.

    >>> require_bert_words({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog"}, Path("vocab.txt"))
    """
    absent = [word for word in _SPECIAL if word not in words]
    if absent:
        raise RatevalError(
            f"{path}: not a WordPiece vocabulary (one word a line): it lacks {', '.join(absent)}"
        )


def require_vocabulary_size(found: int, rows: int, path: Path, name: str, added: int = 0) -> None:
    """Raise RatevalError unless a vocabulary of ``found`` words is that of the model ``name``.

    Its word embedding has so many ``rows``, of which ``added`` ones stand for words that the
    model adds and no vocabulary need hold.

    >>> require_vocabulary_size(30522, 30524, Path("vocab.txt"), "BLIP", added=2)
    """
    if not rows - added <= found <= rows:
        raise RatevalError(
            f"{path}: has {found} words, but the word embedding of {name} has {rows} rows; with "
            "another vocabulary than the one it was trained with, its prompts mean nothing: give "
            "that one"
        )
