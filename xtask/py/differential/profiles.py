"""ICC profiles (version 2) for the pictures, computed from their definitions, so that none has to be shipped."""

import struct
from collections.abc import Callable

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
D65_XY, D50_XY = (0.3127, 0.3290), (0.3457, 0.3585)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
CURVE_POINTS = 4096
GRID_POINTS = 9
# The light that each solid ink reflects in red, green and blue.
INKS = np.array([[0.02, 0.33, 0.72], [0.74, 0.02, 0.20], [0.95, 0.83, 0.02], [0.03, 0.03, 0.03]])


def srgb_curve(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def lightness_curve(x: np.ndarray) -> np.ndarray:
    """The curve of CIE L*, as in eciRGB."""
    return np.where(x <= 0.08, x * 100 / 903.2963, ((x + 0.16) / 1.16) ** 3)


def gamma(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: x**exponent


# Primaries (red, green, blue), white point and curve.
RGB_SPACES = {
    "srgb": ([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)], D65_XY, srgb_curve),
    "p3": ([(0.68, 0.32), (0.265, 0.69), (0.15, 0.06)], D65_XY, srgb_curve),
    "adobe": ([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], D65_XY, gamma(563 / 256)),
    "prophoto": ([(0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)], D50_XY, gamma(1.8)),
    "eci": ([(0.67, 0.33), (0.21, 0.71), (0.14, 0.08)], D50_XY, lightness_curve),
    "linear": ([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)], D65_XY, gamma(1.0)),
}
GRAY_SPACES = {"gray22": gamma(2.2), "grayL": lightness_curve}


def tristimulus(xy: tuple[float, float]) -> np.ndarray:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def colorants(primaries: list[tuple[float, float]], white: tuple[float, float]) -> np.ndarray:
    """XYZ of the primaries as columns, adapted to D50."""
    columns = np.stack([tristimulus(xy) for xy in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, tristimulus(white))
    scale = (BRADFORD @ D50) / (BRADFORD @ tristimulus(white))
    return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ columns


def xyz_type(xyz: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in xyz))


def curve_type(curve: Callable[[np.ndarray], np.ndarray]) -> bytes:
    values = np.round(curve(np.linspace(0, 1, CURVE_POINTS)) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", CURVE_POINTS) + values.tobytes()


def description_type(text: str) -> bytes:
    ascii_text = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(4 + 4 + 2 + 1 + 67)


def assemble(space: bytes, connection: bytes, device: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": description_type(name), b"cprt": b"text\0\0\0\0No copyright\0", b"wtpt": xyz_type(D50), **tags}
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for signature, value in tags.items():
        table += signature + struct.pack(">2I", start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    illuminant = struct.pack(">3i", *(round(float(value) * 65536) for value in D50))
    head = struct.pack(">I4sI4s4s4s", start + len(data), b"\0" * 4, 0x0240_0000, device, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + illuminant
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def rgb_profile(name: str) -> bytes:
    primaries, white, curve = RGB_SPACES[name]
    columns, shared = colorants(primaries, white), curve_type(curve)
    tags = {signature: xyz_type(columns[:, at]) for at, signature in enumerate([b"rXYZ", b"gXYZ", b"bXYZ"])}
    return assemble(b"RGB ", b"XYZ ", b"mntr", name, tags | dict.fromkeys([b"rTRC", b"gTRC", b"bTRC"], shared))


def gray_profile(name: str) -> bytes:
    return assemble(b"GRAY", b"XYZ ", b"mntr", name, {b"kTRC": curve_type(GRAY_SPACES[name])})


def cmyk_profile() -> bytes:
    """Inks as layers of light filters: a table from inks to Lab."""
    steps = np.linspace(0, 1, GRID_POINTS)
    inks = np.stack(np.meshgrid(steps, steps, steps, steps, indexing="ij"), axis=-1)
    light = np.prod(1 - inks[..., None] * (1 - INKS), axis=-2)
    primaries, white, _ = RGB_SPACES["adobe"]
    lab = to_lab(light @ colorants(primaries, white).T)
    codes = np.stack([lab[..., 0] * 652.80, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], axis=-1)
    table = np.clip(np.round(codes), 0, 65535).astype(">u2").tobytes()
    straight = np.array([0, 65535], ">u2").tobytes()
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft2\0\0\0\0" + bytes([4, 3, GRID_POINTS, 0]) + identity + struct.pack(">2H", 2, 2)
    lut += straight * 4 + table + straight * 3
    return assemble(b"CMYK", b"Lab ", b"prtr", "inks", {b"A2B0": lut, b"A2B1": lut})


def to_lab(xyz: np.ndarray) -> np.ndarray:
    """XYZ under D50 to CIE Lab."""
    ratio = xyz / D50
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def all_profiles() -> dict[str, bytes]:
    profiles = {name: rgb_profile(name) for name in RGB_SPACES}
    return profiles | {name: gray_profile(name) for name in GRAY_SPACES} | {"inks": cmyk_profile()}
