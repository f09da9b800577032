"""The files to compare: which program makes each, and how its reference is read."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

import pictures

DIMENSIONS = (pictures.WIDTH, pictures.HEIGHT)
RGB_PROFILES = ["p3", "adobe", "prophoto", "eci", "linear"]


@dataclass(frozen=True)
class File:
    """A file to make."""

    name: str
    # Writes the file: the path of the file is the argument.
    make: Callable[[Path], None]
    # The profile that its colors have, where the file says so by other means than an embedded profile.
    profile: str | None = None


@dataclass(frozen=True)
class Folder:
    """The folder of the sources and of the files."""

    path: Path

    def source(self, name: str) -> str:
        return str(self.path / name)

    def icc(self, name: str) -> str:
        return self.source(f"{name}.icc")


def program(variable: str) -> str:
    return os.environ[variable]


def run(*command: object) -> None:
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"


def words(name: str) -> str:
    """Options as part of a file's name."""
    kept = "".join(letter if letter.isalnum() else "-" for letter in name)
    return "-".join(part for part in kept.split("-") if part) or "plain"


def cjpeg(folder: Folder) -> Iterator[File]:
    def file(source: str, *options: str) -> File:
        make = lambda path: run(program("CUTLINE_TEST_CJPEG"), *options, "-outfile", path, folder.source(source))
        shown = [Path(option).stem for option in options]
        return File(f"{words(source)}-{words(' '.join(shown))}.jpg", make)

    for source, sampling, mode in product(
        ["gradient", "patches", "text"], ["1x1", "2x1", "1x2", "2x2"], [["-quality", "75"], ["-progressive"]]
    ):
        yield file(f"{source}.ppm", "-sample", sampling, *mode)
    for profile, mode in product(RGB_PROFILES, ["-optimize", "-progressive"]):
        yield file("gradient.ppm", "-quality", "95", mode, "-icc", folder.icc(profile))
    for source in ["gradient", "patches", "text"]:
        yield file(f"{source}.ppm", "-quality", "90", "-grayscale")
        yield file(f"{source}.ppm", "-quality", "90", "-rgb")


def cwebp(folder: Folder) -> Iterator[File]:
    def file(source: str, *options: str) -> File:
        make = lambda path: run(program("CUTLINE_TEST_CWEBP"), "-quiet", *options, folder.source(source), "-o", path)
        return File(f"{words(source)}-{words(' '.join(options))}.webp", make)

    for source, options in product(
        ["gradient.png", "patches.png", "text.png"],
        [["-lossless"], ["-q", "70"], ["-q", "95"], ["-q", "80", "-sharp_yuv"]],
    ):
        yield file(source, *options)
    for source, options in product(
        ["alpha.png", "soft.png"],
        [["-lossless", "-exact"], ["-q", "90"], ["-alpha_q", "60"], ["-alpha_filter", "best", "-alpha_method", "0"]],
    ):
        yield file(source, *options)
    for profile in RGB_PROFILES:
        yield file(f"tagged-{profile}.png", "-q", "90", "-metadata", "icc")
    yield file("tagged-p3.png", "-lossless", "-metadata", "icc")


def avifenc(folder: Folder) -> Iterator[File]:
    def file(source: str, *options: str, profile: str | None = None) -> File:
        quick = ["--speed", "8"]
        encoder = program("CUTLINE_TEST_AVIFENC")
        make = lambda path: run(encoder, *quick, *options, folder.source(source), path)
        shown = [Path(option).stem for option in options]
        return File(f"{words(source)}-{words(' '.join(shown))}.avif", make, profile)

    quality = ["--min", "5", "--max", "10"]
    for source, depth, form in product(["gradient16.png", "patches16.png"], ["8", "10", "12"], ["444", "420"]):
        yield file(source, *quality, "--depth", depth, "--yuv", form)
    for depth in ["8", "10", "12"]:
        yield file("gray16.png", *quality, "--depth", depth, "--yuv", "400")
        yield file("alpha16.png", *quality, "--depth", depth)
    for source in ["gradient.png", "text.png", "alpha.png"]:
        yield file(source, "--lossless")
    for matrix in ["1", "5", "6", "9"]:
        yield file("gradient.png", *quality, "--cicp", f"1/13/{matrix}", "--range", "limited")
    yield file("gradient.png", *quality, "--cicp", "12/13/6", profile="p3")
    yield file("gradient.png", *quality, "--cicp", "12/13/1", "--depth", "10", profile="p3")
    for profile in RGB_PROFILES:
        yield file("gradient16.png", *quality, "--depth", "10", "--icc", folder.icc(profile))
    # Opaque, since libheif turns colors alone.
    for angle in ["1", "2", "3"]:
        yield file("gradient.png", *quality, "--irot", angle)
    yield file("patches.png", *quality, "--imir", "0")
    yield file("patches.png", *quality, "--imir", "1")
    yield file("soft.png", *quality, "--premultiply")
    yield file("grid.png", *quality, "--grid", "2x2")
    yield file("grid.png", *quality, "--grid", "3x1", "--yuv", "420")


def vips(folder: Folder) -> Iterator[File]:
    def file(saver: str, source: str, extension: str, *options: str) -> File:
        make = lambda path: run(program("CUTLINE_TEST_VIPS"), saver, folder.source(source), path, *options)
        shown = [Path(option).stem for option in options]
        return File(f"{words(source)}-{words(' '.join(shown))}.{extension}", make)

    codecs = ["none", "deflate", "lzw", "packbits", "zstd"]
    for compression, source in product(codecs, ["gradient.png", "alpha.png", "gradient16.png"]):
        yield file("tiffsave", source, "tif", f"--compression={compression}")
    for compression, layout in product(["none", "deflate", "zstd"], ["--tile", "--pyramid", "--bigtiff"]):
        tiled = [] if layout == "--tile" else ["--tile"]
        tile = [*tiled, "--tile-width=64", "--tile-height=64"] if layout != "--bigtiff" else []
        yield file("tiffsave", "patches.png", "tif", f"--compression={compression}", layout, *tile)
    for predictor in ["none", "horizontal"]:
        yield file("tiffsave", "soft16.png", "tif", "--compression=lzw", f"--predictor={predictor}")
    yield file("tiffsave", "gradient.png", "tif", "--compression=jpeg", "--Q=95")
    yield file("tiffsave", "patches.png", "tif", "--compression=jpeg", "--Q=90", "--tile")
    yield file("tiffsave", "soft.png", "tif", "--premultiply")
    for depth in ["1", "2", "4"]:
        yield file("tiffsave", "gray.png", "tif", f"--bitdepth={depth}")
    yield file("tiffsave", "gray.png", "tif", "--bitdepth=1", "--miniswhite")
    yield file("tiffsave", "bilevel.png", "tif", "--bitdepth=1", "--compression=ccittfax4")
    for source, options in product(["gradient.png", "patches16.png", "alpha.png", "grayalpha16.png"], [[], ["--interlace"]]):
        yield file("pngsave", source, "png", *options)
    for depth in ["1", "2", "4", "8"]:
        yield file("pngsave", "cut.png", "png", "--palette", "--dither=0", f"--bitdepth={depth}")
    for profile in RGB_PROFILES:
        yield file("pngsave", "gradient16.png", "png", f"--profile={folder.icc(profile)}")
        yield file("tiffsave", "gradient16.png", "tif", f"--profile={folder.icc(profile)}", "--compression=deflate")
    for profile in ["gray22", "grayL"]:
        yield file("pngsave", "gray.png", "png", f"--profile={folder.icc(profile)}")
    for options in [["--lossless"], ["--Q=90", "--smart-subsample"], ["--Q=90", "--alpha-q=80"]]:
        yield file("webpsave", "soft.png", "webp", *options)
    for source, options in product(["patches.png", "cut.png"], [[], ["--interlace"]]):
        yield file("gifsave", source, "gif", "--dither=0", *options)
    for source, mode in product(["gradient.png", "text.png"], ["on", "off"]):
        yield file("jpegsave", source, "jpg", "--Q=90", f"--subsample-mode={mode}")
        yield file("jpegsave", source, "jpg", "--Q=90", "--interlace", f"--subsample-mode={mode}")
    for options in [["--lossless"], ["--bitdepth=8", "--Q=90"]]:
        yield file("heifsave", "gradient.png", "avif", "--compression=av1", "--effort=2", *options)


def imagemagick(folder: Folder) -> Iterator[File]:
    def file(source: str, extension: str, *options: str, form: str = "") -> File:
        convert = program("CUTLINE_TEST_IMAGEMAGICK")
        make = lambda path: run(convert, *inputs(source), *options, f"{form}{path}")
        shown = [Path(option).stem for option in options]
        return File(f"{words(source)}-{words(form)}-{words(' '.join(shown))}.{extension}", make)

    def inputs(source: str) -> list[str]:
        if not source.endswith(".raw"):
            return [folder.source(source)]
        depth = "16" if "16" in source else "8"
        size = "{}x{}".format(*DIMENSIONS)
        native = ["-endian", "LSB" if np.little_endian else "MSB"]
        return ["-size", size, "-depth", depth, *native, "cmyk:" + folder.source(source), "-profile", folder.icc("inks")]

    for form, source in [
        ("PNG8", "patches.png"),
        ("PNG8", "cut.png"),
        ("PNG24", "gradient.png"),
        ("PNG32", "soft.png"),
        ("PNG48", "gradient16.png"),
        ("PNG64", "soft16.png"),
    ]:
        yield file(source, "png", form=f"{form}:")
        yield file(source, "png", "-interlace", "PNG", form=f"{form}:")
    for depth in ["1", "2", "4", "8", "16"]:
        yield file("gray16.png", "png", "-depth", depth, "-define", "png:color-type=0", "-define", f"png:bit-depth={depth}")
    yield file("grayalpha.png", "png", "-define", "png:color-type=4")
    for source, options in product(["patches.png", "cut.png", "gray.png"], [[], ["-interlace", "GIF"]]):
        yield file(source, "gif", *options)
    yield file("patches.png", "gif", form="GIF87:")
    for compression, endian, depth in product(["None", "LZW", "Zip", "ZSTD"], ["LSB", "MSB"], ["8", "16"]):
        yield file("gradient16.png", "tif", "-compress", compression, "-endian", endian, "-depth", depth)
    for source, planes in product(["gradient.png", "soft.png"], ["Line", "Plane"]):
        yield file(source, "tif", "-interlace", planes, "-compress", "Zip")
    for alpha in ["associated", "unassociated"]:
        yield file("soft16.png", "tif", "-define", f"tiff:alpha={alpha}", "-compress", "LZW")
        yield file("soft.png", "tif", "-define", f"tiff:alpha={alpha}")
    yield file("gradient.png", "tif", "-define", "tiff:tile-geometry=64x64", "-compress", "Zip")
    yield file("patches.png", "tif", "-type", "Palette", "-compress", "LZW")
    yield file("patches.png", "tif", "-compress", "JPEG", "-quality", "95")
    yield file("patches.png", "tif", form="TIFF64:")
    for compression in ["Group4", "Zip", "None", "LZW"]:
        yield file("bilevel.png", "tif", "-monochrome", "-compress", compression)
    for turn in ["TopRight", "BottomRight", "BottomLeft", "LeftTop", "RightTop", "RightBottom", "LeftBottom"]:
        yield file("gradient.png", "tif", "-orient", turn)
    for source, kind in product(["inks.raw", "inks16.raw"], ["jpg", "tif", "psd"]):
        yield file(source, kind, "-quality", "98")
    for compression in ["LZW", "Zip"]:
        yield file("inks16.raw", "tif", "-compress", compression, "-interlace", "Plane")
    for source, depth, compression in product(["gradient16.png", "soft16.png", "gray16.png"], ["8", "16"], ["RLE", "None"]):
        yield file(source, "psd", "-depth", depth, "-compress", compression)
    yield file("patches16.png", "psb", "-depth", "16")
    for source in ["gradient.png", "patches.png"]:
        yield file(source, "psd", "-profile", folder.icc("srgb"), "-profile", folder.icc("adobe"))
    for sampling, mode in product(["4:4:4", "4:2:2", "4:2:0"], ["None", "JPEG"]):
        yield file("gradient.png", "jpg", "-quality", "92", "-sampling-factor", sampling, "-interlace", mode)
    for profile in ["adobe", "p3"]:
        for kind in ["jpg", "webp", "tif", "png"]:
            options = ["-quality", "95", "-profile", folder.icc("srgb"), "-profile", folder.icc(profile)]
            yield file("gradient.png", kind, *options)


def psd_tools(folder: Folder) -> Iterator[File]:
    from psd_tools import PSDImage
    from psd_tools.constants import BlendMode, Compression, Resource
    from psd_tools.psd.image_resources import ImageResource

    def flat(source: str, mode: str, compression: str, profile: str | None) -> File:
        def make(path: Path) -> None:
            picture = Image.open(folder.source(source)).convert(mode)
            psd = PSDImage.frompil(picture, compression=Compression[compression])
            if profile:
                psd.image_resources[Resource.ICC_PROFILE] = ImageResource(
                    key=Resource.ICC_PROFILE.value, data=Path(folder.icc(profile)).read_bytes()
                )
            psd.save(path)

        return File(f"{words(source)}-{mode}-{words(compression)}-{profile}.psd", make)

    def layered(blend: str, opacity: int) -> File:
        def make(path: Path) -> None:
            psd = PSDImage.new("RGB", DIMENSIONS, color=255)
            bottom = Image.open(folder.source("gradient.png"))
            psd.create_pixel_layer(bottom, name="Bottom")
            top = psd.create_pixel_layer(Image.open(folder.source("alpha.png")), name="Top", opacity=opacity)
            top.blend_mode = BlendMode[blend]
            psd.save(path)

        return File(f"layers-{blend}-{opacity}.psd", make)

    for (source, mode), compression in product(
        [("gradient.png", "RGB"), ("patches.png", "RGB"), ("gray.png", "L"), ("text.png", "RGB")], ["RAW", "RLE"]
    ):
        yield flat(source, mode, compression, None)
    for profile in RGB_PROFILES:
        yield flat("gradient.png", "RGB", "RLE", profile)
    yield flat("gray.png", "L", "RLE", "gray22")
    for blend, opacity in product(["NORMAL", "MULTIPLY"], [255, 128]):
        yield layered(blend, opacity)


MAKERS = {
    "imagemagick": imagemagick,
    "vips": vips,
    "cjpeg": cjpeg,
    "avifenc": avifenc,
    "cwebp": cwebp,
    "psd_tools": psd_tools,
}
