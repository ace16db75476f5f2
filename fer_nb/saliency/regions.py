"""How much of a map lies on which part of the face: share of its mass, and the pointing game.

Pointing game: J. Zhang et al., "Top-down Neural Attention by Excitation Backprop", IJCV 2018: does the map's largest
value lie in the region? Without their tolerance, because the regions are only a few pixels apart.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_nb.data import faces as face_points
from fer_nb.data.augment import CROP
from fer_nb.data.faceset import FaceSet
from fer_nb.drawing import canvas
from fer_nb.intervals import mean_interval, share_interval
from fer_nb.saliency.maps import as_array, rows_by_name

NAMES = ("brows", "eyes", "nose", "mouth", "rest")


def from_codes(codes: np.ndarray) -> np.ndarray:
    """The regions of drawn faces: uint8 (N, 48, 48), positions in canvas.REGIONS, to bool (N, 5, 44, 44) in our order.

    Each pixel of the middle crop belongs to one region.
    """
    margin = (codes.shape[-1] - CROP) // 2
    middle = codes[:, margin : margin + CROP, margin : margin + CROP]
    return np.stack([middle == canvas.REGIONS.index(name) for name in NAMES], axis=1)


def from_points(points: np.ndarray, side: int = 48) -> np.ndarray:
    """Regions in proportion to five points of a face, of the same widths as those of the drawn faces.

    Coordinates on the face: across, the eyes at -0.5 and 0.5; down, the eyes at 0 and the mouth's corners at 1. They
    turn, shear and narrow with the head. The skin between the brows belongs to the brows.

    Args:
        points: float (N, 5, 2) in pixels of the whole picture, in the order of faces.POINTS.
        side: width and height of the whole picture; the regions are those of its middle crop.

    Returns:
        bool (N, 5, 44, 44), each pixel in one region.
    """
    left, right, tip, mouth_left, mouth_right = np.moveaxis(np.asarray(points, float), 1, 0)[..., None, None]
    middle, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    across, down = right - left, mouth - middle
    pixel = np.arange(CROP) + (side - CROP) // 2
    x, y = pixel[None, None, :], pixel[None, :, None]
    area = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]

    def on_face(x, y):
        dx, dy = x - middle[:, 0], y - middle[:, 1]
        return (dx * down[:, 1] - dy * down[:, 0]) / area, (dy * across[:, 0] - dx * across[:, 1]) / area

    a, b = on_face(x, y)  # (N, 44, 44) each
    (tip_a, tip_b), (corner_a, _) = on_face(tip[:, 0], tip[:, 1]), on_face(mouth_right[:, 0], mouth_right[:, 1])
    under = tip_b + 0.19  # the lower edge of the nose
    along = np.clip((b + 0.1) / (under + 0.1), 0, 1)  # 0 at the root of the nose, 1 under its wings
    flank = 0.17 + 0.17 * along
    lip = np.where(b < 1, (1 - under).clip(0.1, 0.3), 0.38)
    inside = {
        "mouth": (a / (np.abs(corner_a) + 0.1)) ** 2 + ((b - 1) / lip) ** 2 <= 1,
        "nose": (np.abs(a - along * tip_a) <= flank) & (b >= -0.1) & (b <= under),
        "eyes": ((np.abs(a) - 0.5) / 0.33) ** 2 + (b / 0.19) ** 2 <= 1,
        "brows": (np.abs(a) <= 0.92) & (b >= -0.58) & (b < -0.12),
    }
    code = np.select(list(inside.values()), [NAMES.index(name) for name in inside], NAMES.index("rest"))
    return code[:, None] == np.arange(len(NAMES))[:, None, None]


def of_faces(
    faces: FaceSet, name: str, data: str = "synthetic", model: Path | str | None = None, progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """The regions of each picture: those drawn, or those in proportion to the points that YuNet finds.

    A picture in which no face is found gets the regions of the mean face, made from the mean points of the others.

    Args:
        faces: pictures of the data set.
        name, data: as given to ``datasets.load``.
        model: YuNet's ONNX file (faces.detector_file); not needed for drawn faces.

    Returns:
        bool (N, 5, 44, 44) in the order of ``NAMES``, each pixel in one region; bool (N,), where a face was found.

    Raises:
        ValueError: a face was found in none of the pictures. FileNotFoundError: see faces.drawn and faces.detect.
    """
    known = face_points.drawn(faces, name, data)
    points = face_points.detect(faces.images, model, progress) if known is None else known["points"]
    found = np.isfinite(points).all(axis=(1, 2))
    if not found.any():
        raise ValueError(f"{name}: no face was found in {len(faces)} pictures, so there is no mean face: take others")
    masks = np.empty((len(faces), len(NAMES), CROP, CROP), bool)
    masks[found] = from_points(points[found]) if known is None else from_codes(known["regions"][found])
    masks[~found] = from_points(points[found].mean(axis=0, keepdims=True))
    return masks, found


def shares(maps, masks: np.ndarray) -> np.ndarray:
    """Share of each map's mass in each region, float (N, R); NaN for a map of zeros.

    Args:
        maps: (N, 1, 44, 44), from 0 on. masks: bool (N, R, 44, 44).
    """
    maps = as_array(maps, masks)
    mass = maps.sum(axis=(1, 2))[:, None]
    inside = np.einsum("nhw,nrhw->nr", maps, masks, dtype=np.float64)
    return np.divide(inside, mass, out=np.full(inside.shape, np.nan), where=mass > 0)


def hits(maps, masks: np.ndarray) -> np.ndarray:
    """The pointing game: 1 where the map's largest value lies in the region, else 0; float (N, R), NaN for zeros.

    Several equally large pixels share the hit: a constant map scores what a random pixel would.
    """
    maps = as_array(maps, masks)
    highest = maps.max(axis=(1, 2), keepdims=True)
    return shares(((maps == highest) & (highest > 0))[:, None].astype(float), masks)


def shares_of(maps, masks: np.ndarray, names: tuple[str, ...], valid=None) -> tuple[np.ndarray, np.ndarray]:
    """The share of the named regions together in each map's mass, and in the area; float (N,) each.

    ``valid``: bool (44, 44), the pixels that count; None for all. NaN in the mass for a map of zeros.
    """
    valid = np.ones(masks.shape[-2:], bool) if valid is None else valid
    chosen = np.any(masks[:, [NAMES.index(name) for name in names]], axis=1, keepdims=True)
    return shares(as_array(maps)[:, None] * valid, chosen)[:, 0], chosen[..., valid].mean(axis=(1, 2))


def enrichment(maps, masks: np.ndarray, names: tuple[str, ...], valid=None) -> np.ndarray:
    """Share of a map's mass in the named regions together, over their share of the area, float (N,): 1 by chance.

    ``valid`` as for ``shares_of``. NaN for a map of zeros, or where a picture has none of the regions.
    """
    share, area = shares_of(maps, masks, names, valid)
    return np.divide(share, area, out=np.full(len(area), np.nan), where=area > 0)


def region_table(maps, masks: np.ndarray, expressions: np.ndarray, groups=None) -> pd.DataFrame:
    """Share of the mass and pointing game per expression (and "all") and region.

    Args:
        maps, masks: as for ``shares``. expressions: str (N,), by which the rows are split.
        groups: (N,), pictures that count as one (the frames of a CK+ sequence).

    Returns:
        DataFrame: expression, region; share of the mass with share_low and share_high (t interval); hits of the
        pointing game with hits_low and hits_high (Wilson); area, the region's share of the picture, which chance gives
        to both; pictures; empty, how many of them have a map of zeros, which is ignored. Shares are 0 to 1.
    """
    share, hit, area = shares(maps, masks), hits(maps, masks), masks.mean(axis=(2, 3))
    rows = []
    for expression, here in rows_by_name(expressions).items():
        together = None if groups is None else np.asarray(groups)[here]
        for place, region in enumerate(NAMES):
            row: dict[str, Any] = {"expression": expression, "region": region}
            row["share"], row["share_low"], row["share_high"], _ = mean_interval(share[here, place], together)
            row |= hit_rate(hit[here, place], together) | {"area": area[here, place].mean()}
            rows.append(row | {"pictures": int(here.sum()), "empty": int(np.isnan(share[here, 0]).sum())})
    return pd.DataFrame(rows)


def hit_rate(hit: np.ndarray, groups=None) -> dict[str, float]:
    """hits, hits_low, hits_high: ``intervals.share_interval`` of ``hit`` (N,), all from 0 to 1."""
    found = (value / 100 for value in share_interval(100 * hit, groups)[:3])
    return dict(zip(("hits", "hits_low", "hits_high"), found, strict=True))


def regions_in_words(table: pd.DataFrame, method: str) -> str:
    """On which region most of a method's mass lies for its area, and on which least, from ``region_table``."""
    rows = table[table["expression"] == "all"]
    empty, pictures = rows["empty"].iloc[0], rows["pictures"].iloc[0]
    if empty == pictures:
        return f"{method}: every map is empty."
    ratio = (rows["share"] / rows["area"]).set_axis(rows["region"]).sort_values()
    return (
        f"{method}: for its area, {ratio.index[-1]} has most of the mass ({ratio.iloc[-1]:.2f} times chance), "
        f"{ratio.index[0]} least ({ratio.iloc[0]:.2f} times)"
        + (f"; {empty} of {pictures} maps are empty." if empty else ".")
    )


def mean_faces_in_words(found: np.ndarray) -> str:
    """For how many pictures the regions are those of the mean face; ``found``: bool (N,), see ``of_faces``."""
    missing = (~found).sum()
    if not missing:
        return f"A face was found in {'the picture' if len(found) == 1 else f'each of the {len(found)} pictures'}."
    return f"No face was found in {missing} of {len(found)} pictures: their regions are those of the mean face."
