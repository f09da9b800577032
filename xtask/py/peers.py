"""Checks the files of `cargo xtask test formats` with programs and libraries from other projects.

peers.py psd-tools|layers|pillow FOLDER
peers.py clip|show FOLDER IMAGEMAGICK
peers.py foreign-read FOLDER NAME...
peers.py foreign-clip FOLDER IMAGEMAGICK NAME...

NAMEs are files of ImageMagick; `path-NAME` is the same file with a path inserted.

FOLDER holds the files, and their expected contents in expected.json, cut.rgba and original.rgb. The exit code is the
result: a failed assertion ends the program.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FOLDER = Path(sys.argv[2])
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
WIDTH, HEIGHT = EXPECTED["width"], EXPECTED["height"]
CUT = np.fromfile(FOLDER / "cut.rgba", np.uint8).reshape(HEIGHT, WIDTH, 4)
ORIGINAL = np.fromfile(FOLDER / "original.rgb", np.uint8).reshape(HEIGHT, WIDTH, 3)
MATTE = CUT[..., 3]


def on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(float) / 255
    return rgba[..., :3] * alpha + 255 * (1 - alpha)


def assert_close(picture: np.ndarray, expected: np.ndarray, mean: float, largest: float, name: str) -> None:
    assert picture.shape == expected.shape, f"{name}: {picture.shape}, not {expected.shape}"
    off = np.abs(picture.astype(float) - expected.astype(float))
    assert off.mean() <= mean and off.max() <= largest, f"{name}: off by {off.mean():.3f} on average, {off.max()} at most"


def assert_shows_cut_out(picture: np.ndarray, name: str, lossy: bool) -> None:
    """Checks that RGBA shows the cut-out wherever it is visible."""
    assert_close(picture[..., 3], MATTE, 0, 0, f"{name}, alpha")
    mean, largest = (2.5, 60) if lossy else (0.6, 1.01)
    assert_close(on_white(picture), on_white(CUT), mean, largest, name)


def silhouette(path: list) -> np.ndarray:
    """Returns the pixels of which a path encloses at least half, by the even-odd rule."""
    scale, inside = 4, np.zeros((HEIGHT * 4, WIDTH * 4), bool)
    for nodes in path:
        outline = []
        for a, b in zip(nodes, nodes[1:] + nodes[:1]):
            points = np.array([a["at"][1], a["at"][2], b["at"][0], b["at"][1]])
            t = np.linspace(0, 1, 4 if len(nodes) > 100 else 64, endpoint=False)[:, None]
            weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
            outline += [tuple(point) for point in weights @ points * scale - 0.5]
        layer = Image.new("1", (WIDTH * scale, HEIGHT * scale))
        ImageDraw.Draw(layer).polygon(outline, fill=1)
        inside ^= np.asarray(layer)
    return inside.reshape(HEIGHT, scale, WIDTH, scale).mean((1, 3)) >= 0.5


def psd_tools() -> None:
    from psd_tools import PSDImage
    from psd_tools.constants import Resource
    from psd_tools.psd.vector import Path as PathRecords

    psd = PSDImage.open(FOLDER / "cut.psd")
    assert [(layer.name, layer.visible) for layer in psd] == [
        ("Background", False),
        ("Original", False),
        ("Subject", True),
    ], list(psd)
    background, original, subject = psd
    assert (background.numpy() == 1).all()
    assert_close(original.numpy("color") * 255, ORIGINAL, 0.01, 0.01, "Original")
    # The mask hides pixels without erasing them.
    seen = MATTE[..., None] > 0
    assert_close(subject.numpy("color") * 255, np.where(seen, CUT[..., :3], ORIGINAL), 0.01, 0.01, "Subject")
    assert (subject.numpy("shape") == 1).all()
    mask = np.asarray(subject.mask.topil())
    assert_close(mask, MATTE, 0, 0, "the mask of Subject")
    assert not subject.mask.disabled and subject.mask.background_color == 0
    assert original.mask is None and background.mask is None
    merged = np.asarray(psd.topil())
    assert_close(merged[..., 3], MATTE, 0, 0, "merged transparency")
    assert_close(on_white(merged), on_white(CUT), 0.6, 3, "merged colors")

    resources = psd.image_resources
    assert resources.get_data(Resource.RESOLUTION_INFO).horizontal == EXPECTED["dpi"] << 16
    assert len(resources.get_data(Resource.ICC_PROFILE)) > 128
    assert resources[Resource.PATH_INFO_0].name == EXPECTED["path_name"]
    assert resources.get_data(Resource.CLIPPING_PATH_NAME) == EXPECTED["path_name"]
    records = list(PathRecords.frombytes(resources.get_data(Resource.PATH_INFO_0)))
    assert [int(record.selector) for record in records] == [6, 8, 0, 0, 0], records
    for subpath, nodes in zip(records[2:], EXPECTED["path"], strict=True):
        for knot, node in zip(subpath, nodes, strict=True):
            assert int(knot.selector) == (1 if node["smooth"] else 2), knot
            for (y, x), expected in zip((knot.preceding, knot.anchor, knot.leaving), node["at"], strict=True):
                assert np.allclose((x * WIDTH, y * HEIGHT), expected, atol=1e-3), (knot, node)

    matte = PSDImage.open(FOLDER / "matte.psd")
    assert len(matte) == 0 and matte.color_mode.name == "GRAYSCALE"
    assert_close(np.asarray(matte.topil(apply_icc=False)), MATTE, 0, 0, "the matte")


def layers() -> None:
    from psd_tools import PSDImage
    from psd_tools.constants import BlendMode

    psd = PSDImage.open(FOLDER / "composed.psd")
    assert [(layer.name, layer.visible, layer.blend_mode) for layer in psd] == [
        ("Background", True, BlendMode.NORMAL),
        ("Shadow", True, BlendMode.MULTIPLY),
        ("Subject", True, BlendMode.NORMAL),
    ], list(psd)
    background, shadow, subject = psd
    assert background.bbox == (0, 0, *psd.size) and shadow.mask is not None
    left, top, right, bottom = subject.bbox
    # The subject's box on the canvas, plus the reach of the resampling kernel.
    assert 50 <= left < 60 and 530 < right <= 540, subject.bbox
    shown = np.asarray(Image.open(FOLDER / "composed.png").convert("RGB"))
    assert_close(np.asarray(psd.topil().convert("RGB")), shown, 0.01, 1, "merged")
    # Blend the layers as sRGB values. Partial pixels differ, since Cutline blends in linear light.
    canvas = np.zeros((psd.height, psd.width, 3)) + np.asarray(background.numpy("color")) * 255
    strength = np.asarray(shadow.mask.topil()).astype(float) / 255 * shadow.opacity / 255
    canvas *= 1 - strength[..., None]
    alpha = np.zeros((psd.height, psd.width, 1))
    box = np.asarray(subject.mask.topil()).astype(float)[..., None] / 255
    alpha[top:bottom, left:right] = box
    colors = np.zeros_like(canvas)
    colors[top:bottom, left:right] = subject.numpy("color") * 255
    canvas = colors * alpha + canvas * (1 - alpha)
    plain = (alpha[..., 0] == 0) | (alpha[..., 0] == 1)
    off = np.abs(canvas - shown)[plain]
    assert off.max() <= 2.5, f"the layers show a different picture: off by {off.max()}"


def pillow() -> None:
    for file in EXPECTED["files"]:
        with Image.open(FOLDER / file) as picture:
            picture.load()
            assert picture.size == (WIDTH, HEIGHT), file
            dpi = picture.info.get("dpi")
            if file.endswith(("png", "jpg", "tif")):
                assert dpi and abs(float(dpi[0]) - EXPECTED["dpi"]) < 0.1, f"{file}: {dpi}"
            assert file.endswith("png") or picture.info.get("icc_profile"), f"{file} has no profile"
            if file.startswith("matte"):
                lossy = file.endswith(("jpg", "webp"))
                assert_close(np.asarray(picture.convert("L")), MATTE, 2 if lossy else 0, 60 if lossy else 0, file)
            elif file.endswith("jpg"):
                assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3, f"{file} is subsampled"
                assert_close(np.asarray(picture), on_white(CUT), 2, 60, file)
            elif file.endswith("psd"):
                # Pillow does not remove the white matte.
                assert_close(np.asarray(picture.convert("RGB")), on_white(CUT), 0.6, 1.01, file)
            else:
                assert picture.mode == "RGBA", file
                assert_shows_cut_out(np.asarray(picture), file, lossy=file.endswith("webp"))


def convert(imagemagick: str, source: str, *options: str) -> np.ndarray:
    converted = FOLDER / f"{source}.{len(options)}.png"
    command = [imagemagick, FOLDER / f"{source}[0]", *options, f"PNG32:{converted}"]
    result = subprocess.run(command, capture_output=True, text=True)
    complaints = result.stderr.splitlines()
    if source.endswith("webp"):
        # Version 6 reports the XMP of every WebP as corrupt, from any writer.
        complaints = [line for line in complaints if "CorruptImageProfile" not in line or "(XMP)" not in line]
    assert result.returncode == 0 and not complaints, f"{command}: {result.stderr}"
    with Image.open(converted) as picture:
        return np.asarray(picture.convert("RGBA"))


def clip(imagemagick: str) -> None:
    files = EXPECTED["with_path"]
    assert len(files) == 4, files
    for file in files:
        clipped = convert(imagemagick, file, "-alpha", "transparent", "-clip", "-alpha", "opaque", "+clip")[..., 3] >= 128
        expected = silhouette(EXPECTED["long" if file.startswith("long") else "path"])
        overlap = (clipped & expected).sum() / (clipped | expected).sum()
        print(f"{file}: intersection over union {overlap:.5f}")
        assert overlap >= 0.995, f"{file}: intersection over union {overlap:.5f}"


def show(imagemagick: str) -> None:
    for file in EXPECTED["files"]:
        picture = convert(imagemagick, file)
        if file.startswith("matte"):
            lossy = file.endswith(("jpg", "webp"))
            assert_close(picture[..., 0], MATTE, 2 if lossy else 0, 60 if lossy else 0, file)
        elif file.endswith("jpg"):
            assert_close(picture[..., :3], on_white(CUT), 2, 60, file)
        else:
            assert_shows_cut_out(picture, file, lossy=file.endswith("webp"))


def foreign_clip(imagemagick: str, names: list[str]) -> None:
    expected = silhouette(EXPECTED["path"])
    for name in names:
        raw = lambda file: subprocess.run(
            [imagemagick, FOLDER / f"{file}[0]", "-depth", "16", "RGBA:-"], capture_output=True, check=True
        ).stdout
        assert raw(name) == raw(f"path-{name}"), f"{name}: the pixels differ"
        converted = FOLDER / f"{name}.clipped.png"
        clip = ["-alpha", "transparent", "-clip", "-alpha", "opaque", "+clip"]
        subprocess.run([imagemagick, FOLDER / f"path-{name}[0]", *clip, f"PNG32:{converted}"], check=True)
        with Image.open(converted) as picture:
            clipped = np.asarray(picture.convert("RGBA"))[..., 3] >= 128
        overlap = (clipped & expected).sum() / (clipped | expected).sum()
        print(f"{name}: intersection over union {overlap:.5f}")
        assert overlap >= 0.995, f"{name}: intersection over union {overlap:.5f}"


def foreign_read(names: list[str]) -> None:
    from psd_tools import PSDImage
    from psd_tools.constants import Resource

    for name in names:
        new = FOLDER / f"path-{name}"
        if name.endswith(("psd", "psb")):
            old, psd = PSDImage.open(FOLDER / name), PSDImage.open(new)
            assert (old.numpy() == psd.numpy()).all(), f"{name}: the pixels differ"
            assert psd.image_resources[Resource.PATH_INFO_0].name == EXPECTED["path_name"], name
            assert psd.image_resources.get_data(Resource.CLIPPING_PATH_NAME) == EXPECTED["path_name"], name
        elif name == "inks.tif":
            # Pillow reads no inks of 16 bits. It sees the tags.
            with Image.open(new) as picture:
                assert picture.size == (WIDTH, HEIGHT)
        else:
            with Image.open(FOLDER / name) as old, Image.open(new) as picture:
                assert (np.asarray(old) == np.asarray(picture)).all(), f"{name}: the pixels differ"
                assert getattr(old, "n_frames", 1) == getattr(picture, "n_frames", 1), name
                assert old.info.get("icc_profile") == picture.info.get("icc_profile"), name


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["psd-tools", _]:
            psd_tools()
        case ["layers", _]:
            layers()
        case ["pillow", _]:
            pillow()
        case ["clip", _, program]:
            clip(program)
        case ["show", _, program]:
            show(program)
        case ["foreign-clip", _, program, *names]:
            foreign_clip(program, names)
        case ["foreign-read", _, *names]:
            foreign_read(names)
        case _:
            sys.exit(__doc__)
