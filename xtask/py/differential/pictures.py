"""The synthetic pictures that all files are made from, and a writer of PNGs of 8 and 16 bits."""

import colorsys
import random
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

# Odd, so that blocks and subsampled planes end within a pixel's reach of the border.
WIDTH, HEIGHT = 185, 137
# The cells of a grid have one size, and at least 64 pixels a side.
GRID_SIDE = 192
SEED = 15


def gradient(width: int, height: int) -> np.ndarray:
    """Hues from left to right, lightness from top to bottom, and a ramp of gray at the bottom."""
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)
    hues = np.array([colorsys.hsv_to_rgb(hue * 0.9, 1, 1) for hue in x])
    picture = (hues[None] * 0.55 + 0.35) * (0.25 + 0.75 * (1 - y))[:, None, None]
    band = height // 5
    picture[-band:] = x[None, :, None]
    return picture


def patches(width: int, height: int) -> np.ndarray:
    """Flat colors, among them black, white, grays and the corners of the color space."""
    chance = random.Random(SEED)
    corners = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)] + [(v, v, v) for v in (0.1, 0.25, 0.5, 0.75)]
    colors = corners + [(chance.random(), chance.random(), chance.random()) for _ in range(23)]
    picture = np.empty((height, width, 3))
    for row in range(5):
        for column in range(7):
            area = np.s_[row * height // 5 : (row + 1) * height // 5, column * width // 7 : (column + 1) * width // 7]
            picture[area] = colors[row * 7 + column]
    return picture


def text(width: int, height: int) -> np.ndarray:
    """Lines of strokes as thin as letters, on a bright ramp."""
    ramp = np.linspace(0.75, 0.95, width)[None, :, None] * np.array([1.0, 0.98, 0.9])
    picture = np.broadcast_to(ramp, (height, width, 3)).copy()
    chance, strokes = random.Random(SEED), Image.new("L", (width * 4, height * 4))
    pen = ImageDraw.Draw(strokes)
    for line in range(20, height // 2, 24):
        for letter in range(8, width - 16, 9):
            points = [(4 * (letter + chance.uniform(0, 7)), 4 * (line + chance.uniform(0, 12))) for _ in range(4)]
            pen.line(points, fill=255, width=6)
    ink = np.asarray(strokes).reshape(height, 4, width, 4).mean((1, 3))[..., None] / 255
    return picture * (1 - ink) + np.array([0.1, 0.05, 0.2]) * ink


def opacity(width: int, height: int) -> np.ndarray:
    """A disk with a soft edge, and a hard rectangle."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - width * 0.4, y - height * 0.5) / (height * 0.45)
    soft = np.clip((1.2 - distance) * 2.5, 0, 1)
    soft[height // 8 : height // 2, width * 5 // 7 : width * 7 // 8] = 1
    return soft


def write_png(path: Path, picture: np.ndarray, depth: int) -> None:
    """Writes numbers of 0 to 1: gray of two axes, else gray and alpha, RGB or RGBA by the last axis."""
    picture = picture[..., None] if picture.ndim == 2 else picture
    height, width, samples = picture.shape
    numbers = np.round(np.clip(picture, 0, 1) * (2**depth - 1)).astype(">u2" if depth == 16 else "u1")
    rows = b"".join(b"\0" + row.tobytes() for row in numbers)
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[samples]
    header = struct.pack(">2I5B", width, height, depth, color_type, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def write_all(folder: Path) -> None:
    """Writes `NAME.png`, `NAME16.png`, `NAME.ppm`, and the inks `inks.raw` (8 bits) and `inks16.raw` (native order)."""
    size = (WIDTH, HEIGHT)
    alpha = opacity(*size)[..., None]
    gray = gradient(*size).mean(-1)
    gray[-(HEIGHT // 5) :] = np.linspace(0, 1, WIDTH)
    named = {
        "gradient": gradient(*size),
        "patches": patches(*size),
        "text": text(*size),
        "alpha": np.concatenate([patches(*size), alpha], -1),
        "soft": np.concatenate([gradient(*size), alpha], -1),
        "gray": gray,
        "grayalpha": np.concatenate([gray[..., None], alpha], -1),
        "cut": np.concatenate([patches(*size), alpha > 0.5], -1),
        "bilevel": (text(*size).mean(-1) > 0.5).astype(float),
        "grid": gradient(GRID_SIDE, GRID_SIDE),
    }
    for name, picture in named.items():
        write_png(folder / f"{name}.png", picture, 8)
        write_png(folder / f"{name}16.png", picture, 16)
        if picture.ndim == 3 and picture.shape[-1] == 3:
            pixels = np.round(picture * 255).astype(np.uint8)
            (folder / f"{name}.ppm").write_bytes(b"P6 %d %d 255\n" % picture.shape[1::-1] + pixels.tobytes())
    cyan, magenta, yellow = np.moveaxis(1 - gradient(*size), -1, 0)
    black = np.broadcast_to(np.linspace(0, 0.6, WIDTH), (HEIGHT, WIDTH))
    inks = np.stack([cyan, magenta, yellow, black], -1)
    inks[: HEIGHT // 5] = np.concatenate([1 - patches(*size), patches(*size)[..., :1] * 0.8], -1)[: HEIGHT // 5]
    (folder / "inks.raw").write_bytes(np.round(inks * 255).astype(np.uint8).tobytes())
    (folder / "inks16.raw").write_bytes(np.round(inks * 65535).astype(np.uint16).tobytes())
