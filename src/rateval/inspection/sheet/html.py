"""A contact sheet as one HTML file that needs nothing else, and in which nothing runs."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable
from html import escape

from PIL import Image

from rateval.inspection.sheet.drawing import COLOUR
from rateval.inspection.sheet.tiles import Tile
from rateval.wording import show_controls

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --dim: #5b5b66; --paper: #fff; --card: #f2f2f5;
  --alarm: #b00020; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --dim: #a5a5b2; --paper: #16161a;
  --card: #232329; --alarm: #ff8a93; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 0.9rem/1.4 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
header { margin-bottom: 1rem; }
header p { margin: 0.2rem 0 0; color: var(--dim); }
.key { border: 2px solid MARK; padding: 0 0.3rem; border-radius: 0.2rem; }
main { display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fill, minmax(min(WIDTH, 100%),
  1fr)); }
figure { margin: 0; padding: 0.5rem; background: var(--card); border-radius: 0.4rem; }
.pictures { display: flex; gap: 0.4rem; align-items: center; justify-content: center; }
.pictures img { display: block; min-width: 0; max-width: 100%; flex: 0 1 auto; height: auto;
  object-fit: contain; }
.titled { min-width: 0; align-self: end; }
.titled span { display: block; color: var(--dim); font-size: 0.8rem; text-align: center; }
.skipped { min-height: 5rem; display: grid; place-items: center; color: var(--alarm);
  border: 1px dashed var(--alarm); border-radius: 0.2rem; }
figcaption { margin-top: 0.4rem; overflow-wrap: anywhere; }
figcaption strong { display: block; }
figcaption span { display: block; color: var(--dim); font-size: 0.8rem; }
"""


def write_html(title: str, about: Iterable[str], tiles: Iterable[Tile]) -> str:
    """Return the page. Whatever names classes and files have, they are text in it."""
    figures, most = [], 1
    for tile in tiles:
        figures.append(_figure(tile))
        most = max(most, len(tile.pictures))
    # Two columns on a telephone, unless a tile holds several pictures.
    width = "10rem" if most == 1 else f"{9 * most + 2}rem"
    mark = "#{:02x}{:02x}{:02x}".format(*COLOUR)
    style = _STYLE.replace("MARK", mark).replace("WIDTH", width)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    paragraphs = "".join(f"<p>{_text(line)}</p>\n" for line in about)
    body = "\n".join(figures)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{_text(title)}</h1>
{paragraphs}<p><span class="key">outlined</span> is the evidence</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _figure(tile: Tile) -> str:
    alt = _text(f"{tile.label}: {tile.id}")
    images = [
        f'<img src="{_embed(picture)}" width="{picture.width}" height="{picture.height}" '
        f'alt="{alt}">'
        for picture in tile.pictures
    ]
    if tile.titles:
        images = [
            f'<span class="titled">{image}<span>{_text(title)}</span></span>'
            for image, title in zip(images, tile.titles, strict=True)
        ]
    pictures = "".join(images)
    shown = f'<div class="pictures">{pictures}</div>'
    if tile.skipped:
        shown = '<div class="skipped">skipped</div>'
    lines = "".join(f"<span>{_text(line)}</span>" for line in tile.lines)
    name = _text(tile.label) or "no label"
    place = _text(tile.place)
    return (
        f"<figure>{shown}<figcaption><strong>{name}</strong><span>{place}</span>{lines}"
        "</figcaption></figure>"
    )


def _text(text: str) -> str:
    """Return text for a page, also in an attribute, with what would be hidden made visible.

    >>> _text('<script>"')
    '&lt;script&gt;&quot;'
    """
    return escape(show_controls(text), quote=True)


def _embed(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
