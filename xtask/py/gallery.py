"""Contact sheets of cut-outs: gallery.py PHOTOS OUT

OUT/background and OUT/clipping hold what `cutline cut` made of the photographs: STEM.png, and of mode clipping
STEM.svg where there is a path. Writes OUT/STEM-sheet.png for each: source, matte, cut on white, black, magenta and a
checkerboard, the path over the source, and below them pieces of the outline at 100 %, on white, black and magenta.

OUT/white, OUT/gray and OUT/terracotta hold STEM/compose.png, shadowTop.png and shadow_wall.png on those grounds. Writes
OUT/STEM-shadows.png for each: a row a ground, a column a shadow.
"""

import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

PHOTOS, OUT = Path(sys.argv[1]), Path(sys.argv[2])
TILE = 420
PIECE = 210
PIECES = 4
GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "magenta": (255, 0, 255)}


def checkerboard(size: tuple[int, int]) -> Image.Image:
    y, x = np.mgrid[: size[1], : size[0]]
    return Image.fromarray(np.where(((x // 12) + (y // 12)) % 2, 204, 255).astype(np.uint8)).convert("RGB")


def on(cut: Image.Image, ground: Image.Image | tuple[int, int, int]) -> Image.Image:
    behind = Image.new("RGB", cut.size, ground) if isinstance(ground, tuple) else ground
    return Image.composite(cut.convert("RGB"), behind, cut.getchannel("A"))


def outlines(svg: Path) -> list[list[tuple[float, float]]]:
    """The path's curves as polygons, ten sides each."""
    polygons, polygon = [], []
    for command, numbers in re.findall(r"([MLCZ])([^MLCZ]*)", re.search(r' d="([^"]*)"', svg.read_text()).group(1)):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        points = list(zip(values[::2], values[1::2]))
        if command == "M":
            polygon = points
            polygons.append(polygon)
        elif command == "L":
            polygon.extend(points)
        elif command == "C":
            start, (a, b, end) = polygon[-1], points
            for t in np.linspace(0.1, 1, 10):
                shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                polygon.append(tuple(sum(s * p[i] for s, p in zip(shares, (start, a, b, end))) for i in (0, 1)))
    return polygons


def places(alpha: np.ndarray) -> list[tuple[int, int]]:
    """Corners of the pieces: spread over the outline, where most of alpha is partial."""
    partial = ((alpha > 12) & (alpha < 243)).astype(float)
    found = []
    for _ in range(PIECES):
        sums = np.pad(partial.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        rows, columns = range(0, max(alpha.shape[0] - PIECE, 0) + 1, 35), range(0, max(alpha.shape[1] - PIECE, 0) + 1, 35)
        def inside(y: int, x: int) -> float:
            bottom, right = min(y + PIECE, alpha.shape[0]), min(x + PIECE, alpha.shape[1])
            return sums[bottom, right] - sums[y, right] - sums[bottom, x] + sums[y, x]
        most, y, x = max((inside(y, x), y, x) for y in rows for x in columns)
        if most <= 0:
            break
        found.append((x, y))
        partial[y : y + PIECE, x : x + PIECE] = 0
    return found


def sheet(photo: Path) -> bool:
    soft, hard = OUT / "background" / f"{photo.stem}.png", OUT / "clipping" / f"{photo.stem}.png"
    if not soft.exists() or not hard.exists():
        return False
    cut, clipped = Image.open(soft), Image.open(hard)
    svg = hard.with_suffix(".svg")
    try:
        source = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    except OSError:  # A kind that Pillow does not read: the rest is shown all the same.
        source = on(cut, (128, 128, 128))
    overlay = source.resize(cut.size)
    width = max(1, round(max(cut.size) / TILE))
    for polygon in outlines(svg) if svg.exists() else []:
        ImageDraw.Draw(overlay).line(polygon + polygon[:1], fill=(255, 0, 0), width=width)
    tiles = [source, cut.getchannel("A").convert("RGB")]
    tiles += [on(cut, ground) for ground in GROUNDS.values()] + [on(cut, checkerboard(cut.size)), overlay]
    pieces = places(np.asarray(cut.getchannel("A")))
    board = Image.new("RGB", (len(tiles) * TILE, TILE + 2 * PIECE), (128, 128, 128))
    for index, tile in enumerate(tiles):
        board.paste(ImageOps.contain(tile, (TILE - 8, TILE - 8)), (index * TILE, 0))
    for row, picture in enumerate((cut, clipped)):
        for index, (x, y) in enumerate(pieces):
            piece = picture.crop((x, y, x + PIECE, y + PIECE))
            for column, ground in enumerate(GROUNDS.values()):
                board.paste(on(piece, ground), ((index * len(GROUNDS) + column) * PIECE, TILE + row * PIECE))
    board.save(OUT / f"{photo.stem}-sheet.png")
    return True


def shadows(photo: Path) -> None:
    names = ("compose", "shadowTop", "shadow_wall")
    rows = [[OUT / ground / photo.stem / f"{name}.png" for name in names] for ground in ("white", "gray", "terracotta")]
    if all(file.exists() for row in rows for file in row):
        side = Image.open(rows[0][0]).width
        board = Image.new("RGB", (side * len(names), side * len(rows)))
        for y, row in enumerate(rows):
            for x, file in enumerate(row):
                board.paste(Image.open(file).convert("RGB"), (x * side, y * side))
        board.save(OUT / f"{photo.stem}-shadows.png")


made = [sheet(photo) for photo in sorted(PHOTOS.iterdir()) if photo.is_file()]
for photo in sorted(PHOTOS.iterdir()):
    shadows(photo)
print(f"{sum(made)} sheets in {OUT}")
if not any(made):
    sys.exit("no photograph had a cut-out")
