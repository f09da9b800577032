"""How another program shows a file: libvips, or psd-tools for Photoshop's, with Little CMS for the colors."""

import io
import os
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

# Bytes 16 to 20 of a profile name its color space.
COLOR_SPACE = slice(16, 20)


def read(file: Path, profile: Path | None) -> np.ndarray:
    """The upright picture as 8-bit RGBA in sRGB. `profile` is what its colors have, if the file embeds none."""
    if file.suffix in (".psd", ".psb"):
        return photoshop(file)
    return by_vips(file, profile)


def vips(*arguments: object) -> str:
    command = [os.environ["CUTLINE_TEST_VIPS"], *(str(argument) for argument in arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}: {result.stderr}"
    return result.stdout


def by_vips(file: Path, profile: Path | None) -> np.ndarray:
    upright, shown = file.with_suffix(".v"), file.with_suffix(".shown.png")
    srgb = file.parent.parent / "srgb.icc"
    vips("autorot", file, upright)
    embedded = Path(f"{upright}.icc")
    embedded.unlink(missing_ok=True)
    # In the same package and folder.
    header = str(Path(os.environ["CUTLINE_TEST_VIPS"]).with_name("vipsheader"))
    fields = subprocess.run([header, "-a", upright], capture_output=True, text=True, check=True).stdout
    is_tagged = "icc-profile-data" in fields
    if profile is None and not is_tagged:
        vips("colourspace", upright, shown, "srgb")
    else:
        by = ["--embedded"] if is_tagged else [f"--input-profile={profile}"]
        is_cmyk = "interpretation: cmyk" in fields
        compensated = ["--black-point-compensation"] if is_cmyk else []
        vips("icc_transform", upright, shown, srgb, *by, "--intent=perceptual", *compensated)
    upright.unlink()
    with Image.open(shown) as picture:
        return np.asarray(picture.convert("RGBA"))


def photoshop(file: Path) -> np.ndarray:
    from psd_tools import PSDImage
    from psd_tools.constants import Resource

    psd = PSDImage.open(file)
    picture = psd.topil(apply_icc=False) if psd.has_preview() else psd.composite()
    profile = psd.image_resources.get_data(Resource.ICC_PROFILE)
    if not profile:
        return np.asarray(picture.convert("RGBA"))
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    inks = profile[COLOR_SPACE] == b"CMYK"
    plain = picture.convert({b"CMYK": "CMYK", b"GRAY": "L"}.get(profile[COLOR_SPACE], "RGB"))
    converted = ImageCms.profileToProfile(
        plain,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.PERCEPTUAL,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION if inks else 0,
    )
    if alpha:
        converted.putalpha(alpha)
    return np.asarray(converted.convert("RGBA"))
