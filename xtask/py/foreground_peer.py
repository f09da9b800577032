"""Compares estimated foreground colors with PyMatting's `estimate_foreground_ml`, on the same alpha.

    python foreground_peer.py FOLDER [--repeat N]

FOLDER holds, for each NAME, 8-bit PNG files of one size:

    NAME-image.png         the photograph
    NAME-alpha.png         its alpha, gray
    NAME-ours.png          optional: the colors to compare, from `foreground::decontaminate`
    NAME-foreground.png    optional: the true colors of the foreground

Prints one JSON object. Times are seconds of one thread, the best of N, with numba warmed up and without
reading or writing files. Errors are in levels of 255, over the pixels with an alpha of 1 to 254: the mean
over the channels of alpha times the difference from the true color. This equals the error of the composite
on any new background, whose share does not depend on the foreground's color.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import pymatting  # noqa: E402
from PIL import Image  # noqa: E402


def read(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode)) / 255.0


def errors(color: np.ndarray, truth: np.ndarray, alpha: np.ndarray) -> dict | None:
    """Returns the mean and the 99th percentile, or None if no pixel is partial."""
    partial = (alpha > 0) & (alpha < 1)
    if not partial.any():
        return None
    error = (255 * alpha * np.abs(color - truth).mean(axis=2))[partial]
    return {"mean": float(error.mean()), "p99": float(np.percentile(error, 99))}


def compare(folder: Path, name: str, repeat: int) -> dict:
    image, alpha = read(folder / f"{name}-image.png", "RGB"), read(folder / f"{name}-alpha.png", "L")
    if image.shape[:2] != alpha.shape:
        sys.exit(f"{name}: the sizes of alpha and photograph differ")
    seconds = []
    for _ in range(repeat):
        begun = time.perf_counter()
        peer = pymatting.estimate_foreground_ml(image, alpha)
        seconds.append(time.perf_counter() - begun)
    # Compare both at 8 bits, as files would hold them.
    peer = np.rint(np.clip(peer, 0, 1) * 255) / 255
    ours, truth = folder / f"{name}-ours.png", folder / f"{name}-foreground.png"
    result = {"name": name, "width": alpha.shape[1], "height": alpha.shape[0], "peer_seconds": min(seconds)}
    if truth.exists():
        true_color = read(truth, "RGB")
        result["peer"] = errors(peer, true_color, alpha)
        if ours.exists():
            result["ours"] = errors(read(ours, "RGB"), true_color, alpha)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Foreground colors compared with PyMatting's.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3, choices=range(1, 101), metavar="N")
    arguments = parser.parse_args()
    names = sorted(path.name.removesuffix("-image.png") for path in arguments.folder.glob("*-image.png"))
    if not names:
        sys.exit("the folder has no NAME-image.png")
    # numba compiles on the first call.
    pymatting.estimate_foreground_ml(np.zeros((64, 64, 3)), np.zeros((64, 64)))
    pictures = [compare(arguments.folder, name, arguments.repeat) for name in names]
    print(json.dumps({"peer": f"pymatting {pymatting.__version__}", "pictures": pictures}, indent=1))


if __name__ == "__main__":
    main()
