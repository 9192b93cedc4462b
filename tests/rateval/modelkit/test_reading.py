"""Checkpoints of every format give their tensors, and no code in them ever runs."""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rateval.api import RatevalError
from rateval.modelkit import digest_of, read_json, read_state_dict

State = dict[str, torch.Tensor]


@pytest.fixture
def state() -> State:
    generator = torch.Generator().manual_seed(0)
    shapes = {"proj": (24, 40), "layer.weight": (40, 24), "layer.bias": (40,), "scale": ()}
    return {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def _save(state: Any, path: Path, how: str) -> Path:
    if how == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "torch")
    return path


def _assert_same(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


@pytest.mark.parametrize("how", ["torch", "legacy", "safetensors"])
def test_the_format_is_told_from_the_content(state: State, tmp_path: Path, how: str) -> None:
    for name in ("weights.anything", "weights.safetensors", "weights.pt"):
        _assert_same(read_state_dict(_save(state, tmp_path / name, how)), state)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"state_dict": state, "name": "x", "optimizer": {"lr": [0.1]}},
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {"other": torch.zeros(1)}, "model": state},
    ],
)
def test_wrappers_are_taken_off(
    state: State, tmp_path: Path, wrap: Callable[[State], object]
) -> None:
    _assert_same(read_state_dict(_save(wrap(state), tmp_path / "weights.pt", "torch")), state)


def test_a_weight_called_like_a_wrapper_is_a_weight(tmp_path: Path) -> None:
    state = {"model": torch.ones(2), "module.x": torch.zeros(1)}
    _assert_same(read_state_dict(_save(state, tmp_path / "weights.pt", "torch")), state)


@pytest.mark.parametrize("wrappers", [(), ("state_dict",)])
def test_another_wrapper_is_no_state_dict(
    state: State, tmp_path: Path, wrappers: tuple[str, ...]
) -> None:
    path = _save({"model": state, "epoch": 1}, tmp_path / "weights.pt", "torch")
    with pytest.raises(
        RatevalError, match=r"entry 'model' is a dict, not a tensor; its keys are model, epoch"
    ):
        read_state_dict(path, wrappers)


def _cut(how: str, share: float) -> Callable[[Path, State], object]:
    def write(path: Path, state: State) -> None:
        content = _save(state, path, how).read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return write


def _zip(*names: str) -> Callable[[Path, State], object]:
    def write(path: Path, state: State) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "")

    return write


def _saved(make: Callable[[State], object]) -> Callable[[Path, State], object]:
    return lambda path, state: torch.save(make(state), path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path, _: path.write_bytes(bytes(range(200, 256)) * 40), "not a checkpoint; give"),
        (lambda path, _: path.write_bytes(b""), "not a checkpoint; give a safetensors file"),
        (lambda path, _: path.write_text("<html>404</html>"), "not a checkpoint; give a safet"),
        (lambda path, _: None, "weights.pt: cannot be read: No such file"),
        (_cut("torch", 0.7), "damaged or cut short; copy it again"),
        (_cut("safetensors", 0.9), "damaged or cut short .*; copy it again"),
        (_cut("legacy", 0.7), "damaged or cut short; copy it again"),
        (_zip("readme.txt"), "a zip archive, but not a torch checkpoint"),
        (_zip("model/data.pkl", "model/constants.pkl"), "not a readable torch file, perhaps dama"),
        (_saved(lambda state: torch.zeros(3)), "holds no state dict"),
        (_saved(lambda state: {}), "holds no state dict"),
        (_saved(lambda state: {"model": {}}), "holds no state dict"),
        (_saved(lambda state: {"epoch": 3}), "the entry 'epoch' is a int, not a tensor"),
        (
            _saved(lambda state: {"model": state, "args": argparse.Namespace(lr=1)}),
            r"nothing in it was executed: it names argparse\.Namespace",
        ),
    ],
)
def test_what_is_no_checkpoint(
    state: State, tmp_path: Path, write: Callable[[Path, State], object], message: str
) -> None:
    path = tmp_path / "weights.pt"
    write(path, state)
    with pytest.raises(RatevalError, match=message) as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["torch", "legacy", "safetensors"])
def test_a_file_cut_or_scrambled_anywhere(state: State, tmp_path: Path, how: str) -> None:
    path = _save(state, tmp_path / "weights", how)
    whole = path.read_bytes()
    for cut in range(0, len(whole), len(whole) // 23):
        path.write_bytes(whole[:cut])
        with pytest.raises(RatevalError):
            read_state_dict(path)
    scrambled = np.random.default_rng(0)
    for _ in range(60):
        content = np.frombuffer(whole, dtype=np.uint8).copy()
        content[scrambled.integers(0, 1500, 20)] = scrambled.integers(0, 256, 20)
        path.write_bytes(content.tobytes())
        # A changed number in a weight cannot be noticed; anything else must be said plainly.
        with contextlib.suppress(RatevalError):
            assert read_state_dict(path)


class Payload:
    """Create the folder it names when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_a_pickle_with_code_is_refused_unexecuted(state: State, tmp_path: Path, how: str) -> None:
    path, target = tmp_path / "weights.pt", tmp_path / "created"
    if how == "pickle":
        path.write_bytes(pickle.dumps({"extra": Payload(target)}))
    else:
        _save({"model": state, "extra": Payload(target)}, path, how)
    with pytest.raises(
        RatevalError, match=r"refused, and nothing in it was executed: it (names|is) "
    ):
        read_state_dict(path)
    assert not target.exists()
    pickle.loads(pickle.dumps(Payload(target)))
    assert target.exists()  # the payload does work where pickles are trusted


EYE = torch.eye(4)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch leaves quantised tensors to another day
@pytest.mark.parametrize("how", ["torch", "legacy"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EYE.to_sparse(), r"w is sparse or nested; save its numbers, by \.to_dense\(\)"),
        (lambda: EYE.to_sparse_csr(), "w is sparse or nested"),
        (lambda: EYE.to("meta"), "w is a tensor without numbers"),
        (
            lambda: torch.quantize_per_tensor(EYE, 0.1, 0, torch.qint8),
            r"w is quantised \(qint8\); save its numbers, by \.dequantize",
        ),
        (lambda: EYE.to(torch.complex64), "w is of the kind complex64"),
        (
            lambda: torch.zeros(1).expand(100_000, 100_000),
            r"w is \(100000, 100000\), which would take 40,000,000,000 bytes and repeats the 4 ",
        ),
    ],
)
def test_tensors_that_are_no_plain_numbers(
    make: Callable[[], torch.Tensor], message: str, how: str, tmp_path: Path
) -> None:
    path = _save({"w": make()}, tmp_path / "weights.pt", how)
    with pytest.raises(RatevalError, match=message):
        read_state_dict(path)


def test_safetensors_of_other_kinds(tmp_path: Path) -> None:
    def write(header: bytes, body: bytes) -> Path:
        path = tmp_path / "weights.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header + body)
        return path

    def of(kind: str) -> bytes:
        return b'{"a":{"dtype":"%s","shape":[1],"data_offsets":[0,8]}}' % kind.encode()

    for header in (
        of("C64"),
        of("F32"),
        of("Q9"),
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        of("F64").replace(b"[1]", b"[" + b"9" * 5000 + b"]"),
    ):
        with pytest.raises(RatevalError, match=r"weights\.safetensors: "):
            read_state_dict(write(header, bytes(8)))
    assert read_state_dict(write(of("F64"), bytes(8)))["a"].tolist() == [0]


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        ((8, 6), 1, "an archive that is encrypted, which cannot be unpacked"),
        ((6, 4), 99, r"of a newer format \(zip file version 9.9\)"),
        ((10, 8), 93, r"of a newer format \(compression method 93\)"),
    ],
)
def test_archives_that_cannot_be_unpacked(
    at: tuple[int, int], value: int, message: str, state: State, tmp_path: Path
) -> None:
    path = _save(state, tmp_path / "weights.pt", "torch")
    content = bytearray(path.read_bytes())
    # A byte of each entry's row in the directory, and the same one before its numbers.
    for signature, offset in zip((b"PK\x01\x02", b"PK\x03\x04"), at, strict=True):
        found = content.find(signature)
        while found >= 0:
            content[found + offset] = value
            found = content.find(signature, found + 4)
    path.write_bytes(content)
    with pytest.raises(RatevalError, match=message):
        read_state_dict(path)


def test_an_archive_that_unpacks_to_more_than_its_numbers(state: State, tmp_path: Path) -> None:
    plain, bomb = _save(state, tmp_path / "plain.pt", "torch"), tmp_path / "bomb.pt"
    with (
        zipfile.ZipFile(plain) as old,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, True, 1) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    _assert_same(read_state_dict(bomb), state)  # compression alone is no fault
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED, True, 1) as archive:
        archive.writestr("plain/data/99", bytes(300 << 20))
    assert bomb.stat().st_size < 4 << 20
    with pytest.raises(
        RatevalError, match=r"bytes that unpack to 314,.*; at most 10 times as many"
    ):
        read_state_dict(bomb)


@pytest.mark.parametrize("read", [read_state_dict, read_json, digest_of])
def test_a_pipe_without_an_end_is_refused(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RatevalError, match="is no regular file"):
        read(tmp_path / "pipe")
