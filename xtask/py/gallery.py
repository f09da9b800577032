"""Contact sheets of cut-outs: gallery.py PHOTOS OUT

OUT/background and OUT/clipping hold the results of `cutline cut`: STEM.png, and in clipping STEM.svg if there is a path.
Writes OUT/STEM-sheet.png for each: source, matte, cut-out on white, black, magenta and a checkerboard, the path over the
source, and below them details of the outline at 100 %, on white, black and magenta.

OUT/white, OUT/gray and OUT/terracotta hold STEM/compose.png, shadowTop.png and shadow_wall.png on these backgrounds.
Writes OUT/STEM-shadows.png for each: one row per background, one column per shadow.
"""

import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

PHOTOS, OUT = Path(sys.argv[1]), Path(sys.argv[2])
TILE = 420
DETAIL = 210
DETAILS = 4
BACKGROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "magenta": (255, 0, 255)}


def checkerboard(size: tuple[int, int]) -> Image.Image:
    y, x = np.mgrid[: size[1], : size[0]]
    return Image.fromarray(np.where(((x // 12) + (y // 12)) % 2, 204, 255).astype(np.uint8)).convert("RGB")


def on(cut: Image.Image, background: Image.Image | tuple[int, int, int]) -> Image.Image:
    behind = Image.new("RGB", cut.size, background) if isinstance(background, tuple) else background
    return Image.composite(cut.convert("RGB"), behind, cut.getchannel("A"))


def outlines(svg: Path) -> list[list[tuple[float, float]]]:
    """Returns the subpaths as polygons, with ten sides for each curve."""
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


def details(alpha: np.ndarray) -> list[tuple[int, int]]:
    """Returns the top left corners of the details: where most of alpha is partial, without overlap."""
    partial = ((alpha > 12) & (alpha < 243)).astype(float)
    corners = []
    for _ in range(DETAILS):
        sums = np.pad(partial.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        rows, columns = range(0, max(alpha.shape[0] - DETAIL, 0) + 1, 35), range(0, max(alpha.shape[1] - DETAIL, 0) + 1, 35)
        def inside(y: int, x: int) -> float:
            bottom, right = min(y + DETAIL, alpha.shape[0]), min(x + DETAIL, alpha.shape[1])
            return sums[bottom, right] - sums[y, right] - sums[bottom, x] + sums[y, x]
        largest, y, x = max((inside(y, x), y, x) for y in rows for x in columns)
        if largest <= 0:
            break
        corners.append((x, y))
        partial[y : y + DETAIL, x : x + DETAIL] = 0
    return corners


def sheet(photo: Path) -> bool:
    soft, hard = OUT / "background" / f"{photo.stem}.png", OUT / "clipping" / f"{photo.stem}.png"
    if not soft.exists() or not hard.exists():
        return False
    cut, clipped = Image.open(soft), Image.open(hard)
    svg = hard.with_suffix(".svg")
    try:
        source = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    except OSError:  # Pillow cannot read the source; show the rest of the sheet.
        source = on(cut, (128, 128, 128))
    overlay = source.resize(cut.size)
    width = max(1, round(max(cut.size) / TILE))
    for polygon in outlines(svg) if svg.exists() else []:
        ImageDraw.Draw(overlay).line(polygon + polygon[:1], fill=(255, 0, 0), width=width)
    tiles = [source, cut.getchannel("A").convert("RGB")]
    tiles += [on(cut, background) for background in BACKGROUNDS.values()] + [on(cut, checkerboard(cut.size)), overlay]
    corners = details(np.asarray(cut.getchannel("A")))
    board = Image.new("RGB", (len(tiles) * TILE, TILE + 2 * DETAIL), (128, 128, 128))
    for index, tile in enumerate(tiles):
        board.paste(ImageOps.contain(tile, (TILE - 8, TILE - 8)), (index * TILE, 0))
    for row, picture in enumerate((cut, clipped)):
        for index, (x, y) in enumerate(corners):
            detail = picture.crop((x, y, x + DETAIL, y + DETAIL))
            for column, background in enumerate(BACKGROUNDS.values()):
                board.paste(on(detail, background), ((index * len(BACKGROUNDS) + column) * DETAIL, TILE + row * DETAIL))
    board.save(OUT / f"{photo.stem}-sheet.png")
    return True


def shadows(photo: Path) -> None:
    names = ("compose", "shadowTop", "shadow_wall")
    rows = [[OUT / background / photo.stem / f"{name}.png" for name in names] for background in ("white", "gray", "terracotta")]
    if all(file.exists() for row in rows for file in row):
        side = Image.open(rows[0][0]).width
        board = Image.new("RGB", (side * len(names), side * len(rows)))
        for y, row in enumerate(rows):
            for x, file in enumerate(row):
                board.paste(Image.open(file).convert("RGB"), (x * side, y * side))
        board.save(OUT / f"{photo.stem}-shadows.png")


sheets = [sheet(photo) for photo in sorted(PHOTOS.iterdir()) if photo.is_file()]
for photo in sorted(PHOTOS.iterdir()):
    shadows(photo)
print(f"{sum(sheets)} sheets in {OUT}")
if not any(sheets):
    sys.exit("no photograph had a cut-out")
