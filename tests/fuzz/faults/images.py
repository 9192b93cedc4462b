"""Files in the place of an image that are none, or one of an unexpected kind."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_HEIGHT, _WIDTH = 40, 50


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _noise(mode: str) -> Image.Image:
    rng = np.random.default_rng(0)
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray(rng.integers(0, 60_000, (_HEIGHT, _WIDTH)).astype(dtype))
    return Image.fromarray(rng.integers(0, 256, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)).convert(mode)


def _rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _save(_noise("RGB"), "JPEG", exif=exif)


def _claims(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size that its few bytes don't hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def _moving() -> bytes:
    frames = [_noise("P") for _ in range(3)]
    return _save(frames[0], "GIF", save_all=True, append_images=frames[1:])


NO_IMAGES: dict[str, Callable[[], bytes]] = {
    "page": lambda: b"<!DOCTYPE html><html><body>404 \x1b[31m</body></html>",
    "pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "zeros": lambda: bytes(4096),
    "claims 100,000 pixels a side": lambda: _claims(100_000, 100_000),
    "claims 20,000 pixels a side": lambda: _claims(20_000, 20_000),
    "claims no pixel": lambda: _claims(0, 10),
}
"""What must be told, one way or another."""
IMAGES: dict[str, Callable[[], bytes]] = {
    "grey": lambda: _save(_noise("L"), "PNG"),
    "16 bits": lambda: _save(_noise("I;16"), "PNG"),
    "32 bits": lambda: _save(_noise("I"), "TIFF"),
    "floats": lambda: _save(_noise("F"), "TIFF"),
    "cmyk": lambda: _save(_noise("CMYK"), "JPEG"),
    "alpha": lambda: _save(_noise("RGBA"), "PNG"),
    "palette": lambda: _save(_noise("P"), "PNG", transparency=0),
    "one bit": lambda: _save(_noise("1"), "PNG"),
    "moving": _moving,
    "rotated": _rotated,
    "one pixel": lambda: _save(Image.new("RGB", (1, 1)), "PNG"),
    "1 x 20,000": lambda: _save(Image.new("RGB", (1, 20_000)), "PNG"),
    "20,000 x 1": lambda: _save(Image.new("RGB", (20_000, 1)), "PNG"),
    "8,000 x 8,000": lambda: _save(Image.new("1", (8_000, 8_000)), "PNG"),
}
"""What is an image."""


def put_image(file: Path, kind: str) -> str:
    """Put an image of a kind, or what is none, in the place of a file; say so in words."""
    file.write_bytes((NO_IMAGES | IMAGES)[kind]())
    return f"{file.parent.name}/{file.name}: {kind}"
