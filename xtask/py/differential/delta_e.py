"""The color difference CIEDE2000 (ISO/CIE 11664-6) between sRGB pictures."""

import numpy as np

import profiles


def lab(rgb: np.ndarray) -> np.ndarray:
    """8-bit sRGB to CIE Lab under D50."""
    primaries, white, curve = profiles.RGB_SPACES["srgb"]
    return profiles.to_lab(curve(rgb.astype(np.float64) / 255) @ profiles.colorants(primaries, white).T)


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The difference of each pixel of two sRGB pictures of one size."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(lab(first), -1, 0), np.moveaxis(lab(second), -1, 0)
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where(c1 * c2 == 0, 0, turn)
    chroma, light = (c1 + c2) / 2, (l1 + l2) / 2
    hue = np.where(c1 * c2 == 0, h1 + h2, (h1 + turn / 2) % 360)
    weight = 1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
    weight += 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.20 * np.cos(np.radians(4 * hue - 63))
    by_light = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    by_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * weight)
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return np.sqrt(np.maximum(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue, 0))
