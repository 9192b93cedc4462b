"""Images of every kind, and those that are left out: too large, too long, no files, no scale."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval_datasets.images import UnfitError, as_grey, is_turned, open_image, open_rgb
from rateval_datasets.layout import read_file

DEEP = np.array([[0, 255, 256, 51 * 257], [128 * 257, 40_000, 65_279, 65_535]], dtype=np.uint16)
UPPER = (DEEP // 256).astype(np.uint8)


def grey(path: Path) -> np.ndarray[Any, Any]:
    with open_image(path) as image:
        return np.asarray(as_grey(image))


@pytest.mark.parametrize("kind", ["png", "tif", "pgm"])
def test_of_16_bits_the_upper_eight_are_shown(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"deep.{kind}"
    if kind == "pgm":
        path.write_bytes(b"P5 4 2 65535\n" + DEEP.astype(">u2").tobytes())
    else:
        Image.fromarray(DEEP).save(path)
    np.testing.assert_array_equal(grey(path), UPPER)
    np.testing.assert_array_equal(np.asarray(open_rgb(path)), np.stack([UPPER] * 3, axis=2))


def test_big_endian_16_bits(tmp_path: Path) -> None:
    made = Image.frombytes("I;16B", (4, 2), DEEP.astype(">u2").tobytes())
    made.save(tmp_path / "deep.tif")
    np.testing.assert_array_equal(grey(tmp_path / "deep.tif"), UPPER)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_without_a_white_are_left_out(tmp_path: Path, dtype: Any) -> None:
    Image.fromarray(np.arange(8, dtype=dtype).reshape(2, 4)).save(tmp_path / "scan.tif")
    for read in (grey, open_rgb):
        with pytest.raises(UnfitError, match=r"an image of mode [IF] doesn't say which number is"):
            read(tmp_path / "scan.tif")


RED, HALF = (200, 10, 20), (200, 10, 20, 0)
SHOWN = {
    "RGB": (Image.new("RGB", (3, 2), RED), RED),
    "RGBA": (Image.new("RGBA", (3, 2), HALF), RED),
    "L": (Image.new("L", (3, 2), 77), (77, 77, 77)),
    "LA": (Image.new("LA", (3, 2), (77, 0)), (77, 77, 77)),
    "1": (Image.new("1", (3, 2), 1), (255, 255, 255)),
}


@pytest.mark.parametrize("mode", SHOWN)
def test_transparency_is_dropped_and_one_bit_is_black_or_white(tmp_path: Path, mode: str) -> None:
    image, colour = SHOWN[mode]
    image.save(tmp_path / "image.png")
    shown = open_rgb(tmp_path / "image.png")
    assert (shown.mode, shown.getcolors()) == ("RGB", [(6, colour)])


@pytest.mark.parametrize("transparency", [1, bytes([0, 128])])
def test_a_palette_shows_its_colours_also_where_they_are_transparent(
    tmp_path: Path, transparency: int | bytes
) -> None:
    """Pillow warns of the transparency that gets lost, and tests make an error of every warning."""
    image = Image.new("P", (3, 2))
    image.putpalette([*RED, 0, 255, 0])
    image.putpixel((2, 1), 1)
    image.save(tmp_path / "palette.png", transparency=transparency)
    assert sorted(open_rgb(tmp_path / "palette.png").getcolors() or ()) == [
        (1, (0, 255, 0)),
        (5, RED),
    ]
    assert grey(tmp_path / "palette.png").tolist() == [[68, 68, 68], [68, 68, 150]]


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path: Path, kind: str) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / f"ink.{kind}", quality=100)
    colours = np.asarray(open_rgb(tmp_path / f"ink.{kind}")).reshape(-1, 3)
    np.testing.assert_allclose(colours, [(255, 0, 0)] * 256, atol=4)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 301)])
def test_a_long_image_is_left_out_before_it_is_resized(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.new("L", size).save(tmp_path / "long.png")
    with pytest.raises(UnfitError, match=r"^too long: [\d,]+ x [\d,]+ pixels"):
        open_rgb(tmp_path / "long.png")
    Image.new("L", (3, 300)).save(tmp_path / "long.png")
    assert open_rgb(tmp_path / "long.png").size == (3, 300)


def png(width: int, height: int) -> bytes:
    """Return a PNG that claims a size, and holds a few bytes."""
    content = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    return content


@pytest.mark.parametrize("side", [9_460, 12_000, 20_000, 2**31 - 1])
def test_a_bomb_is_left_out_before_it_is_unpacked(tmp_path: Path, side: int) -> None:
    """The smallest has a few pixels too many, the second makes Pillow warn, the others raise."""
    (tmp_path / "bomb.png").write_bytes(png(side, side))
    with pytest.raises(UnfitError, match=r"^too large: "):
        open_rgb(tmp_path / "bomb.png")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(UnfitError, match=r"too large: a file of 1,099,511,627,776 bytes"):
        open_rgb(tmp_path / "huge.png")
    with pytest.raises(ValueError, match=r"the file has 1,099,511,627,776 bytes, more than 1,000"):
        read_file(tmp_path / "huge.png", 1000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_what_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "device"):
        with pytest.raises(ValueError, match="no regular file"):
            open_rgb(tmp_path / f"{name}.jpg")
        with pytest.raises(ValueError, match="no regular file"):
            read_file(tmp_path / f"{name}.jpg", 100)
    listening = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tmp_path)  # an address of a socket must be short
    try:
        listening.bind("socket.jpg")
        with pytest.raises(OSError, match="No such device"):
            open_rgb(Path("socket.jpg"))
    finally:
        os.chdir(here)
        listening.close()


@pytest.mark.parametrize("orientation", [*range(9), 6000])
def test_exif_tells_that_an_image_is_turned_and_turns_nothing(
    tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    shown = open_rgb(tmp_path / "turned.jpg")
    assert shown.size == (8, 4)
    assert is_turned(shown) == (orientation in (5, 6, 7, 8))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_turns_nothing(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (8, 4)).save(buffer, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\0")
    (tmp_path / "broken.jpg").write_bytes(buffer.getvalue())
    assert not is_turned(open_rgb(tmp_path / "broken.jpg"))
