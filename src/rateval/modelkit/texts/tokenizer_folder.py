"""A Hugging Face tokenizer, read from a folder's data and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rateval.errors import RatevalError
from rateval.json_file import read_json
from rateval.modelkit.tables.foreign_table import ForeignTable, check_table

_CLASSES = frozenset(
    f"{name}{fast}"
    for name in (
        *("Bert", "CLIP", "Gemma", "Llama", "MBart", "MBart50", "Nllb", "PreTrained", "Roberta"),
        *("Siglip", "Siglip2", "T5", "XLMRoberta"),
    )
    for fast in ("Tokenizer", "TokenizerFast")
) - {"PreTrainedTokenizer"} | {"TokenizersBackend"}
_MODEL_TYPES = ("bert", "clip", "gemma", "mt5", "roberta", "siglip", "t5", "xlm-roberta")
_CONFIG = "config.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"

_Text = Annotated[str, Field(max_length=4096)]
_Token = _Text | dict[str, _Text | bool | int] | None
_Tokens = list[_Text | dict[str, _Text | bool | int]] | None


class _SpecialTokens(ForeignTable):
    """What special_tokens_map.json may set."""

    bos_token: _Token = None
    eos_token: _Token = None
    unk_token: _Token = None
    sep_token: _Token = None
    pad_token: _Token = None
    cls_token: _Token = None
    mask_token: _Token = None
    additional_special_tokens: _Tokens = None
    extra_special_tokens: _Tokens | dict[str, _Token] = None


class _SentencePiece(ForeignTable):
    """What may be set of sentencepiece."""

    enable_sampling: bool = False
    nbest_size: Annotated[int, Field(ge=-1, le=1000)] = 0
    alpha: Annotated[float, Field(ge=0, le=100)] = 0.0


class _TokenizerConfig(_SpecialTokens):
    """What tokenizer_config.json may set."""

    tokenizer_class: _Text | None = None
    processor_class: _Text | None = None
    backend: Literal["tokenizers", "sentencepiece", "custom"] | None = None
    name_or_path: _Text | None = None
    special_tokens_map_file: _Text | None = None
    tokenizer_file: None = None
    vocab_file: None = None
    merges_file: None = None
    chat_template: Any = None
    init_inputs: Annotated[list[Any], Field(max_length=0)] = Field(default_factory=list)
    added_tokens_decoder: dict[str, dict[str, _Text | bool]] = Field(default_factory=dict)
    model_input_names: list[_Text] = Field(default_factory=list)
    model_max_length: Annotated[int | float, Field(ge=1)] | None = None
    max_len: Annotated[int | float, Field(ge=1)] | None = None
    max_length: Annotated[int, Field(ge=1)] | None = None
    stride: Annotated[int, Field(ge=0)] = 0
    pad_to_multiple_of: Annotated[int, Field(ge=1)] | None = None
    pad_token_type_id: Annotated[int, Field(ge=0)] = 0
    extra_ids: Annotated[int, Field(ge=0, le=100_000)] = 0
    padding_side: Literal["left", "right"] = "right"
    truncation_side: Literal["left", "right"] = "right"
    padding: Literal["max_length", "longest", "do_not_pad"] | bool | None = None
    truncation: Literal["longest_first", "only_first", "only_second"] | bool | None = None
    truncation_strategy: Literal["longest_first", "only_first", "only_second"] | None = None
    errors: Literal["replace", "ignore", "strict"] = "replace"
    sp_model_kwargs: _SentencePiece | None = None
    src_lang: _Text | None = None
    tgt_lang: _Text | None = None
    never_split: list[_Text] | None = None
    strip_accents: bool | None = None
    legacy: bool | None = None
    legacy_behaviour: bool | None = None
    add_bos_token: bool | None = None
    add_eos_token: bool | None = None
    add_prefix_space: bool | None = None
    clean_up_tokenization_spaces: bool | None = None
    clean_text: bool | None = None
    do_basic_tokenize: bool | None = None
    do_lower_case: bool | None = None
    from_slow: bool | None = None
    handle_chinese_chars: bool | None = None
    is_local: bool | None = None
    local_files_only: bool | None = None
    lowercase: bool | None = None
    remove_space: bool | None = None
    keep_accents: bool | None = None
    spaces_between_special_tokens: bool | None = None
    split_special_tokens: bool | None = None
    tokenize_chinese_chars: bool | None = None
    trim_offsets: bool | None = None
    use_default_system_prompt: bool | None = None
    use_fast: bool | None = None


def check_tokenizer(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a folder's tokenizer_config.json and config.json, checked; empty where absent.

    Raises RatevalError when one of its tokenizer files asks for code, for a class that is not known
    to be one of data, or for anything else that data does not need.
    """
    own = _read(folder / _TOKENIZER_CONFIG)
    check_table(_TokenizerConfig, own, str(folder / _TOKENIZER_CONFIG))
    special = folder / "special_tokens_map.json"
    check_table(_SpecialTokens, _read(special), str(special))
    _check_added(folder / "added_tokens.json")
    beside = _read(folder / _CONFIG)
    _refuse_code(beside, folder / _CONFIG)
    for content, name in ((own, _TOKENIZER_CONFIG), (beside, _CONFIG)):
        _check_class(content.get("tokenizer_class"), folder / name)
    return own, beside


def tokenizer_options(folder: Path) -> dict[str, Any]:
    """Return how transformers' AutoTokenizer must read a folder, whose files are checked.

    Without network, without code of the folder's, and by a class that is known to be one of data.
    Raises what ``check_tokenizer`` raises. Needs transformers.
    """
    from transformers import AutoConfig, PretrainedConfig

    own, beside = check_tokenizer(folder)
    named = own.get("tokenizer_class") or beside.get("tokenizer_class")
    kind = beside.get("model_type")
    make_config: Any = PretrainedConfig
    if not named and kind in _MODEL_TYPES:
        config = AutoConfig.for_model(kind)
    else:
        config = make_config(tokenizer_class=named)
    # A config that is given is one that AutoTokenizer doesn't read.
    return {"local_files_only": True, "trust_remote_code": False, "config": config}


def _read(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _refuse_code(content: dict[str, Any], path: Path) -> None:
    if content.get("auto_map") is not None:
        check_table(ForeignTable, {"auto_map": content["auto_map"]}, str(path))


def _check_class(name: Any, path: Path) -> None:
    if name is not None and (not isinstance(name, str) or name not in _CLASSES):
        raise RatevalError(
            f"{path}: tokenizer_class = {name!r}: is no class that a folder may name; there are "
            f"{', '.join(sorted(_CLASSES))}: save the tokenizer as tokenizer.json, with "
            "PreTrainedTokenizerFast as its class"
        )


def _check_added(path: Path) -> None:
    for token, index in _read(path).items():
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise RatevalError(
                f"{path}: {token[:80]!r} = {index!r}: must be the number of a word; correct it"
            )
