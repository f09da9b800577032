"""Plays the retoucher of the tests of formats: edits the mask of a PSD as Photoshop would, and reads that of the next one.

retouch.py edit FOLDER      writes painted.psd, window.psd and disabled.psd from cut.psd, and their masks as raw bytes
retouch.py compare FOLDER   checks that painted-next.psd and window-next.psd have these masks
"""

import json
import sys
from pathlib import Path

import numpy as np
from psd_tools import PSDImage

FOLDER = Path(sys.argv[2])
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
WIDTH, HEIGHT = EXPECTED["width"], EXPECTED["height"]
USER_MASK = -2


def subject_of(psd: PSDImage):
    (subject,) = [layer for layer in psd if layer.name == "Subject"]
    return subject


def set_mask(psd: PSDImage, mask: np.ndarray, left: int, top: int, outside: int) -> None:
    """Replaces the mask of the subject by one that begins at left and top. The merged picture stays as it was."""
    info = psd._record.layer_and_mask_information.layer_info
    (at,) = [at for at, record in enumerate(info.layer_records) if record.name == "Subject"]
    record, channels = info.layer_records[at], info.channel_image_data[at]
    (channel,) = [data for one, data in zip(record.channel_info, channels, strict=True) if one.id == USER_MASK]
    height, width = mask.shape
    channel.set_data(mask.tobytes(), width, height, 8)
    data = record.mask_data
    data.left, data.top, data.right, data.bottom = left, top, left + width, top + height
    data.background_color = outside


def edit() -> None:
    psd = PSDImage.open(FOLDER / "cut.psd")
    mask = np.asarray(subject_of(psd).mask.topil()).copy()
    # A soft stroke that brings something back, and a hard one that cuts something away.
    across = np.linspace(0, 255, 400).astype(np.uint8)
    mask[100:300, 50:450] = np.maximum(mask[100:300, 50:450], across)
    mask[700:760, 600:1400] = 0
    set_mask(psd, mask, 0, 0, 0)
    psd.save(FOLDER / "painted.psd")
    mask.tofile(FOLDER / "painted.gray")

    # Photoshop stores the part of a mask that differs from what is around it.
    psd = PSDImage.open(FOLDER / "cut.psd")
    part = mask[200:1200, 300:2000]
    set_mask(psd, part, 300, 200, 255)
    psd.save(FOLDER / "window.psd")
    whole = np.full((HEIGHT, WIDTH), 255, np.uint8)
    whole[200:1200, 300:2000] = part
    whole.tofile(FOLDER / "window.gray")

    psd = PSDImage.open(FOLDER / "cut.psd")
    subject_of(psd)._record.mask_data.flags.mask_disabled = True
    psd.save(FOLDER / "disabled.psd")


def compare() -> None:
    for name in ("painted", "window"):
        subject = subject_of(PSDImage.open(FOLDER / f"{name}-next.psd"))
        mask = np.asarray(subject.mask.topil())
        assert (mask == np.fromfile(FOLDER / f"{name}.gray", np.uint8).reshape(HEIGHT, WIDTH)).all(), name


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["edit", _]:
            edit()
        case ["compare", _]:
            compare()
        case _:
            sys.exit(__doc__)
