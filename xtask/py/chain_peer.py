"""Turns a JPEG into a cut-out with Pillow and PyMatting: chain_peer.py JPEG MATTE [--threads N]

MATTE is the network's output, a gray PNG of any size. Decodes the JPEG, enlarges the matte, estimates the foreground's
colors, and encodes a PNG in memory. Prints one JSON object: the seconds (Python started and numba warmed up before) and
the size of the file in bytes.
"""

import argparse
import io
import json
import os
import time


def main() -> None:
    parser = argparse.ArgumentParser(description="From JPEG to cut-out with Pillow and PyMatting.")
    parser.add_argument("jpeg")
    parser.add_argument("matte")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["NUMBA_NUM_THREADS"] = str(arguments.threads)

    import numpy as np
    import pymatting
    from PIL import Image

    pymatting.estimate_foreground_ml(np.zeros((64, 64, 3)), np.zeros((64, 64)))
    with Image.open(arguments.matte) as matte:
        matte.load()
        begun = time.perf_counter()
        with Image.open(arguments.jpeg) as photo:
            picture = photo.convert("RGB")
        alpha = np.asarray(matte.resize(picture.size, Image.Resampling.BICUBIC)) / 255.0
        color = pymatting.estimate_foreground_ml(np.asarray(picture) / 255.0, alpha)
        cut = pymatting.stack_images(color, alpha)
        # The usual practice: fully transparent pixels have no color.
        cut[alpha == 0] = 0
        file = io.BytesIO()
        Image.fromarray((np.clip(cut, 0, 1) * 255 + 0.5).astype(np.uint8)).save(file, "PNG")
        seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "bytes": len(file.getvalue())}))


if __name__ == "__main__":
    main()
