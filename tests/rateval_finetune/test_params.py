from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rateval.api import Context, RatevalError
from rateval.facade import create
from rateval.registry.discovery import discover
from rateval_finetune import params as of
from rateval_finetune.methods.full import make_full

TRAINED: dict[str, type[of.TrainingParams]] = {
    "lp": of.LpParams,
    "flcp": of.FlcpParams,
    "ft": of.FtParams,
    "lp-ft": of.LpFtParams,
    "wise-ft": of.WiseFtParams,
    "lora": of.LoraParams,
    "evidence-ft": of.EvidenceFtParams,
}
WITH_A_HEAD = ("ft", "lp-ft", "wise-ft", "lora", "evidence-ft")
# Of a param: a value that is wrong, and what its message says.
WRONG: list[tuple[str, Any, str]] = [
    ("epochs", 0, "greater than or equal to 1"),
    ("epochs", 2.5, "valid integer"),
    ("batch_size", 0, "greater than or equal to 1"),
    ("accumulate", 0, "greater than or equal to 1"),
    ("lr", 0.0, "greater than 0"),
    ("lr", 1.5, "less than or equal to 1"),
    ("lr", float("nan"), "less than or equal to 1"),
    ("schedule", "linear", "'constant' or 'cosine'"),
    ("warmup", 1.0, "less than 1"),
    ("warmup", -0.1, "greater than or equal to 0"),
    ("optimizer", "sgd", "'adam' or 'adamw'"),
    ("weight_decay", -1e-3, "greater than or equal to 0"),
    ("weight_decay", 2.0, "less than or equal to 1"),
    ("clip_norm", 0.0, "greater than 0"),
    ("precision", "float64", "'float32', 'bfloat16' or 'float16'"),
    ("augment", "strong", "'none' or 'published'"),
    ("background_swap", 1.1, "less than or equal to 1"),
    ("background_swap", -0.1, "greater than or equal to 0"),
    ("stop_by", 3, "valid string"),
    ("patience", 0, "greater than or equal to 1"),
    ("seed", -1, "greater than or equal to 0"),
    ("seed", 2**63, "less than"),
    ("epoch", 3, "Extra inputs are not permitted"),
]
OWN: list[tuple[str, str, Any, str]] = [
    *((name, "head_lr", -1.0, "greater than 0") for name in WITH_A_HEAD),
    *((name, "head_lr", 2.0, "less than or equal to 1") for name in WITH_A_HEAD),
    *((name, "head_lr", 1e-3, "Extra inputs") for name in ("lp", "flcp")),
    ("flcp", "temperature", 0.0, "greater than 0"),
    ("flcp", "temperature", 11.0, "less than or equal to 10"),
    ("flcp", "temperature", "warm", "'published' or 'learnt'"),
    ("lp-ft", "probe_epochs", 0, "greater than or equal to 1"),
    ("lp-ft", "probe_lr", 0.0, "greater than 0"),
    ("wise-ft", "alpha", 1.5, "less than or equal to 1"),
    ("wise-ft", "alpha", -0.5, "greater than or equal to 0"),
    ("wise-ft", "alpha", (0.5, 1.5), "less than or equal to 1"),
    ("wise-ft", "alpha", (), "at least 1 item"),
    ("wise-ft", "choose_by", 1, "valid string"),
    ("lora", "rank", 0, "greater than or equal to 1"),
    ("lora", "rank", 2000, "less than or equal to 1024"),
    ("lora", "scale", 0.0, "greater than 0"),
    ("lora", "scale", float("inf"), "finite number"),
    ("evidence-ft", "weight", 0.0, "greater than 0"),
    ("evidence-ft", "weight", float("inf"), "finite number"),
    ("evidence-ft", "penalty_warmup", 1.0, "less than 1"),
    ("evidence-ft", "layers", 0, "greater than or equal to 1"),
    ("evidence-ft", "layers", "first", "'last' or 'all'"),
    ("evidence-ft", "mask_share", 0.0, "greater than 0"),
    ("evidence-ft", "mask_share", 1.5, "less than or equal to 1"),
]


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize(("key", "value", "message"), WRONG)
def test_a_wrong_value_is_refused(name: str, key: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TRAINED[name](**{key: value})


@pytest.mark.parametrize(("name", "key", "value", "message"), OWN)
def test_a_wrong_value_of_its_own_is_refused(name: str, key: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TRAINED[name](**{key: value})


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("lora", "rank", 0), ("wise-ft", "alpha", 1.5), ("ft", "epoch", 3), ("lp", "optimizer", "x")],
)
def test_whoever_creates_a_method_is_told_which_param(name: str, key: str, value: Any) -> None:
    with pytest.raises(RatevalError, match=rf'create\("finetuner", "{name}"\): {key}'):
        create("finetuner", name, **{key: value})


def test_every_method_that_trains_is_among_these() -> None:
    registered = discover(third_party=False, environment={}).of_kind("finetuner")
    trained = {row.component.name for row in registered if row.component.seeded}
    assert trained == set(TRAINED)


@pytest.mark.parametrize("name", TRAINED)
def test_every_param_is_described(name: str) -> None:
    for key, field in TRAINED[name].model_fields.items():
        assert field.description, key


@pytest.mark.parametrize("name", TRAINED)
def test_the_defaults_are_the_published_settings(name: str) -> None:
    params = TRAINED[name]()
    assert (params.epochs, params.batch_size, params.lr) == (10, 32, 1e-3 if name == "lp" else 1e-5)
    assert (params.optimizer, params.weight_decay, params.schedule) == ("adam", 0.0, "constant")
    assert (params.warmup, params.clip_norm, params.seed) == (0.0, None, None)


def test_the_studys_seed_counts_unless_there_is_one_of_its_own() -> None:
    assert make_full(of.FtParams(), Context(seed=9)).seed == 9
    assert make_full(of.FtParams(seed=0), Context(seed=9)).seed == 0
