"""Writes the HEIC files of shared/heic, from made-up pictures: heic_samples.py heif-enc

`heif-enc` of libheif encodes the pictures. It writes no grids, orientations or crops, so those containers are written here
(ISO/IEC 14496-12, ISO/IEC 23008-12), around its streams.
"""

import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "differential"))
import pictures
import profiles

CRATE = Path(__file__).parents[2] / "shared/heic"
DATA = CRATE / "tests/data"
WIDTH, HEIGHT = 160, 96
RED, GREEN, BLUE, WHITE = (0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.1, 0.2, 0.9), (0.95, 0.95, 0.95)
# Exif that says the picture is turned, which does not count in HEIC, and an artist, who does.
EXIF = bytes(4) + struct.pack("<2sHI", b"II", 42, 8) + struct.pack(
    "<H HHIHH HHI4s I", 2, 274, 3, 1, 6, 0, 315, 2, 4, b"Ann\0", 0
)


def corners() -> np.ndarray:
    """Red, green, blue and white: upper left, upper right, lower left, lower right."""
    picture = np.empty((HEIGHT, WIDTH, 3))
    picture[: HEIGHT // 2, : WIDTH // 2], picture[: HEIGHT // 2, WIDTH // 2 :] = RED, GREEN
    picture[HEIGHT // 2 :, : WIDTH // 2], picture[HEIGHT // 2 :, WIDTH // 2 :] = BLUE, WHITE
    return picture


def box(kind: str, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", len(data) + 8, kind.encode()) + data


def full(kind: str, version: int, flags: int, *content: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def find(data: bytes, path: list[str]) -> bytes:
    """The content of the first box along a path of types."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind.decode() == path[0]:
            content = data[at + 8 : at + size]
            # Version and flags.
            content = content[4:] if kind == b"meta" else content
            return find(content, path[1:]) if path[1:] else content
        at += size
    raise KeyError(path)


class Container:
    """Items, their data and their properties."""

    def __init__(self) -> None:
        self.items, self.properties, self.associations, self.references = [], [], [], []

    def property(self, data: bytes) -> int:
        if data not in self.properties:
            self.properties.append(data)
        return self.properties.index(data) + 1

    def item(self, kind: str, data: bytes, properties: list[bytes], hidden: bool = False) -> int:
        self.items.append((kind, data, hidden))
        self.associations.append([self.property(found) for found in properties])
        return len(self.items)

    def refer(self, kind: str, source: int, *targets: int) -> None:
        ids = b"".join(struct.pack(">H", target) for target in targets)
        self.references.append(box(kind, struct.pack(">HH", source, len(targets)), ids))

    def write(self, primary: int) -> bytes:
        start = box("ftyp", b"heic\0\0\0\0mif1heic")
        size = len(start) + len(self.meta(primary, 0))
        return start + self.meta(primary, size + 8) + box("mdat", *(data for _, data, _ in self.items))

    def meta(self, primary: int, offset: int) -> bytes:
        entries, locations = b"", b""
        for number, (kind, data, hidden) in enumerate(self.items, 1):
            entries += full("infe", 2, int(hidden), struct.pack(">HH4sx", number, 0, kind.encode()))
            locations += struct.pack(">HHHII", number, 0, 1, offset, len(data))
            offset += len(data)
        linked = b"".join(
            struct.pack(">HB", number, len(found)) + bytes(found) for number, found in enumerate(self.associations, 1)
        )
        references = [full("iref", 0, 0, *self.references)] if self.references else []
        return full(
            "meta",
            0,
            0,
            full("hdlr", 0, 0, b"\0\0\0\0pict" + bytes(13)),
            full("pitm", 0, 0, struct.pack(">H", primary)),
            full("iloc", 0, 0, struct.pack(">BBH", 0x44, 0, len(self.items)), locations),
            full("iinf", 0, 0, struct.pack(">H", len(self.items)), entries),
            *references,
            box("iprp", box("ipco", *self.properties), full("ipma", 0, 0, struct.pack(">I", len(self.items)), linked)),
        )


def ispe(width: int, height: int) -> bytes:
    return full("ispe", 0, 0, struct.pack(">II", width, height))


class Encoder:
    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def encode(self, picture: np.ndarray, *options: str, depth: int = 8) -> bytes:
        source, target = self.folder / "source.png", self.folder / "target.heic"
        pictures.write_png(source, picture, depth)
        subprocess.run([self.program, "-q", "92", *options, source, "-o", target], check=True, capture_output=True)
        return target.read_bytes()

    def stream(self, picture: np.ndarray) -> tuple[bytes, bytes]:
        """The configuration property, and the stream, of a picture without alpha."""
        file = self.encode(picture)
        return box("hvcC", find(file, ["meta", "iprp", "ipco", "hvcC"])), find(file, ["mdat"])


def single(encoder: Encoder, *more: bytes, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """The four corners, with an Exif block and more properties."""
    config, stream = encoder.stream(corners())
    container = Container()
    image = container.item("hvc1", stream, [config, ispe(*size), *more])
    container.refer("cdsc", container.item("Exif", EXIF, [], hidden=True), image)
    return container.write(image)


def grid(encoder: Encoder) -> bytes:
    """Tiles of 64 pixels a side, of which the right and lower ones reach beyond the picture of 120 x 100."""
    container, tiles = Container(), []
    for color in (RED, GREEN, BLUE, WHITE):
        config, stream = encoder.stream(np.full((64, 64, 3), color))
        tiles.append(container.item("hvc1", stream, [config, ispe(64, 64)], hidden=True))
    layout = struct.pack(">4BHH", 0, 0, 1, 1, 120, 100)
    image = container.item("grid", layout, [ispe(120, 100)])
    container.refer("dimg", image, *tiles)
    return container.write(image)


def turned_alpha(encoder: Encoder, *of_alpha: bytes) -> bytes:
    """The four corners with transparency at the left, turned; alpha with properties of its own."""
    container, turn = Container(), box("irot", b"\1")
    opacity = np.ones((HEIGHT, WIDTH, 3))
    opacity[:, : WIDTH // 2] = 0
    kind = full("auxC", 0, 0, b"urn:mpeg:hevc:2015:auxid:1\0")
    (config, stream), (alpha_config, alpha_stream) = encoder.stream(corners()), encoder.stream(opacity)
    image = container.item("hvc1", stream, [config, ispe(WIDTH, HEIGHT), turn])
    alpha = container.item("hvc1", alpha_stream, [alpha_config, ispe(WIDTH, HEIGHT), kind, *of_alpha], hidden=True)
    container.refer("auxl", alpha, image)
    return container.write(image)


def main(program: str) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        encoder = Encoder(program, Path(folder))
        opacity = np.ones((HEIGHT, WIDTH, 1))
        opacity[:, :40], opacity[:, 40:80] = 0, 0.5
        ramp = np.broadcast_to(np.linspace(0.2, 0.6, WIDTH)[None, :, None], (HEIGHT, WIDTH, 3))
        # The part of 80 x 48 in the upper left: sizes and offsets of the centers as fractions.
        aperture = box("clap", struct.pack(">IIIIiIiI", 80, 1, 48, 1, -40, 1, -24, 1))
        turned = [box("irot", b"\1"), box("imir", b"\1")]
        display_p3 = box("colr", b"nclx", struct.pack(">HHHB", 12, 13, 6, 0x80))
        tagged = box("colr", b"prof", profiles.rgb_profile("adobe"))
        files = {
            DATA / "corners.heic": encoder.encode(corners()),
            DATA / "corners-444.heic": encoder.encode(corners(), "-p", "chroma=444"),
            DATA / "alpha.heic": encoder.encode(np.concatenate([corners(), opacity], -1)),
            DATA / "ten-bits.heic": encoder.encode(ramp, "-b", "10", depth=16),
            DATA / "exif.heic": single(encoder),
            DATA / "turned.heic": single(encoder, *turned),
            DATA / "cropped.heic": single(encoder, aperture),
            DATA / "display-p3.heic": single(encoder, display_p3),
            DATA / "adobe-rgb.heic": single(encoder, tagged),
            DATA / "small-box.heic": single(encoder, size=(64, 32)),
            DATA / "grid.heic": grid(encoder),
            DATA / "turned-alpha.heic": turned_alpha(encoder, turned[0]),
            DATA / "turned-colors.heic": turned_alpha(encoder),
            CRATE / "src/gray.heic": encoder.encode(np.full((64, 64, 3), 0.5)),
        }
    for path, file in files.items():
        path.write_bytes(file)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [program]:
            main(program)
        case _:
            sys.exit(__doc__)
