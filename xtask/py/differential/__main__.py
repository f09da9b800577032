"""Makes files with other programs, and compares how Cutline decodes them with how others show them.

differential make FOLDER MAKER       writes the files of a maker and their names, a line each, to FOLDER/MAKER/names.txt
differential compare FOLDER MAKER    compares FOLDER/MAKER/NAME.rgba with the reference of FOLDER/MAKER/NAME

NAME.rgba is the decoded picture: width and height as 32-bit little-endian numbers, and the pixels. The exit code is the
result; every file beyond the limits is named. Programs come from variables CUTLINE_TEST_*.
"""

import sys
from pathlib import Path

import numpy as np

import delta_e
import files
import pictures
import profiles
import reference

MAX_MEAN, MAX_DIFFERENCE = 1.0, 3.0
# Levels by which alpha may differ.
MAX_ALPHA = 2
# Pixels whose neighborhood has a larger range than this, in levels, are at an edge.
EDGE_RANGE, EDGE_REACH = 28, 4
# A file that compares fewer pixels than this, as a share, proves nothing.
MIN_COMPARED = 0.1
# Colors count where alpha is at least this.
VISIBLE = 128


def make(folder: Path, maker: str) -> None:
    target = folder / maker
    target.mkdir(parents=True, exist_ok=True)
    pictures.write_all(folder)
    for name, profile in profiles.all_profiles().items():
        (folder / f"{name}.icc").write_bytes(profile)
    for name in files.RGB_PROFILES:
        tagged(folder, name)
    made = list(files.MAKERS[maker](files.Folder(folder)))
    names = [file.name for file in made]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    for file in made:
        (target / file.name).unlink(missing_ok=True)
        file.make(target / file.name)
    (target / "names.txt").write_text("\n".join(names))


def tagged(folder: Path, profile: str) -> None:
    """A PNG with a profile, for programs that copy it."""
    from PIL import Image

    with Image.open(folder / "gradient.png") as picture:
        picture.save(folder / f"tagged-{profile}.png", icc_profile=(folder / f"{profile}.icc").read_bytes())


def near_edges(rgb: np.ndarray) -> np.ndarray:
    """The pixels in whose neighborhood colors change by more than a ramp's."""
    reach = 2 * EDGE_REACH + 1
    padded = np.pad(rgb, ((EDGE_REACH, EDGE_REACH), (EDGE_REACH, EDGE_REACH), (0, 0)), mode="edge")
    largest = smallest = padded
    # By rows, then by columns, which is a tenth of the work of a square at once.
    for axis in (0, 1):
        largest = np.lib.stride_tricks.sliding_window_view(largest, reach, axis=axis).max(-1)
        smallest = np.lib.stride_tricks.sliding_window_view(smallest, reach, axis=axis).min(-1)
    return (largest.astype(int) - smallest > EDGE_RANGE).any(-1)


def fault(decoded: Path, shown: np.ndarray) -> str | None:
    """What is wrong with a decoded picture."""
    data = decoded.read_bytes()
    width, height = np.frombuffer(data[:8], "<u4")
    rgba = np.frombuffer(data[8:], np.uint8).reshape(height, width, 4)
    if rgba.shape != shown.shape:
        return f"{rgba.shape[1::-1]} pixels, not {shown.shape[1::-1]}"
    off = int(np.abs(rgba[..., 3].astype(int) - shown[..., 3]).max())
    visible = (shown[..., 3] >= VISIBLE) & (rgba[..., 3] >= VISIBLE)
    flat = np.where(visible[..., None], shown[..., :3], 0)
    compared = visible & ~near_edges(np.concatenate([flat, shown[..., 3:]], -1))
    if compared.mean() < MIN_COMPARED:
        return f"nothing to compare: {compared.mean():.1%} of its pixels are away from edges"
    differences = delta_e.difference(rgba[..., :3], shown[..., :3])[compared]
    mean, largest = differences.mean(), differences.max()
    if off > MAX_ALPHA:
        return f"alpha is off by {off} levels"
    if mean > MAX_MEAN or largest > MAX_DIFFERENCE:
        return f"mean {mean:.2f}, maximum {largest:.2f}"
    return None


def compare(folder: Path, maker: str) -> None:
    made = list(files.MAKERS[maker](files.Folder(folder)))
    faults = {}
    for file in made:
        path = folder / maker / file.name
        profile = folder / f"{file.profile}.icc" if file.profile else None
        decoded = path.with_name(f"{file.name}.rgba")
        refused = path.with_name(f"{file.name}.error")
        if refused.exists():
            faults[file.name] = f"refused: {refused.read_text()}"
        elif found := fault(decoded, reference.read(path, profile)):
            faults[file.name] = found
    for name, found in faults.items():
        print(f"{maker}/{name}: {found}")
    print(f"{len(made) - len(faults)} of {len(made)} files are within mean {MAX_MEAN} and maximum {MAX_DIFFERENCE}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", folder, maker]:
            make(Path(folder), maker)
        case ["compare", folder, maker]:
            compare(Path(folder), maker)
        case _:
            sys.exit(__doc__)
