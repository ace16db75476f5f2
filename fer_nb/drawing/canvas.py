"""A small soft canvas for drawn faces: smooth polygons and lines laid on a face that is turned, shifted and scaled.

A face is laid out in face units: x to the right and y down from the middle of the face, 1 unit = half the picture's
side. It is drawn at ``SUPER`` times its size and averaged down.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

SIZE = 48  # side of a picture, pixels
SUPER = 3  # drawn at SUPER times its size
FULL = SIZE * SUPER

CIRCLE = np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1)
BULGE = np.array([1 / 0.75**2, 1 / 1.1**2])  # a head is an ellipsoid of half axes 0.75, 1.1 and 0.5

Points: TypeAlias = ArrayLike  # (n, 2): x, y in face units

# Codes of the region map; 0 is the rest of the picture.
REGIONS = ("rest", "brows", "eyes", "nose", "mouth")


@dataclass(frozen=True)
class View:
    """How a face is seen: angles in radians, shift in face units, greys 0..255."""

    roll: float = 0.0  # in-plane rotation, clockwise
    yaw: float = 0.0  # positive: nose towards the right
    pitch: float = 0.0  # positive: nose down
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    light: tuple[float, float] = (0.0, -0.3)  # where it comes from: x, y of a direction whose z is 1
    contrast: float = 0.5  # 0 flat light .. 1 a single lamp
    background: tuple[float, float] = (120.0, 120.0)  # grey at the left, at the right


@cache
def _spline(count: int, closed: bool) -> np.ndarray:
    """Matrix (samples, count) that takes control points to a smooth curve through them."""
    if closed:
        points = np.vstack([np.eye(count), np.eye(count)[:1]])
        return CubicSpline(np.arange(count + 1), points, bc_type="periodic")(np.linspace(0, count, 8 * count + 1)[:-1])
    return CubicSpline(np.arange(count), np.eye(count), bc_type="natural")(np.linspace(0, count - 1, 6 * count))


def smooth(points: Points, closed: bool = False) -> np.ndarray:
    """A smooth curve through control points (n, 2)."""
    points = np.asarray(points, float)
    return _spline(len(points), closed) @ points


def oval(x: float, y: float, width: float, height: float) -> np.ndarray:
    """Outline (24, 2) of an axis-parallel ellipse of half axes ``width`` and ``height``."""
    return CIRCLE * (width, height) + (x, y)


@dataclass
class Canvas:
    """A picture while it is drawn, at SUPER times its size, and what is known about it."""

    view: View
    image: np.ndarray = field(default_factory=lambda: np.zeros((FULL, FULL), np.float32))
    regions: np.ndarray = field(default_factory=lambda: np.zeros((FULL, FULL), np.uint8))
    landmarks: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        view, angles = self.view, np.array([self.view.yaw, self.view.pitch])
        self.shrink, self.swing = np.cos(angles), np.sin(angles)
        cos, sin = np.cos(view.roll), np.sin(view.roll)
        self.turn = FULL / 2 * view.scale * np.array([[cos, sin], [-sin, cos]])
        self.centre = FULL / 2 * (1 + np.asarray(view.shift))

    def place(self, points: Points, lift: float = 0.0) -> np.ndarray:
        """Face units (n, 2) -> canvas pixels (n, 2), on an ellipsoid turned by the view; ``lift``: how far above it."""
        points = np.asarray(points, float).reshape(-1, 2)
        inside = 1 - points**2 @ BULGE
        depth = 0.5 * np.sqrt(np.maximum(inside, 0)) + lift
        return (points * self.shrink + depth[:, None] * self.swing) @ self.turn + self.centre

    def _mask(self, points, blur: float, width: float, lift: float):
        """Window of the canvas and coverage 0..255 in it: of a polygon, or of a line of ``width`` pixels."""
        corners = np.rint(self.place(points, lift) * 16).astype(np.int32)  # sixteenths of a canvas pixel
        x, y, w, h = cv2.boundingRect(corners)
        pad = round(SUPER * (2.5 * blur + width) + 2)
        left, top = min(max(x // 16 - pad, 0), FULL - 1), min(max(y // 16 - pad, 0), FULL - 1)
        right, bottom = min(max((x + w) // 16 + pad, left + 1), FULL), min(max((y + h) // 16 + pad, top + 1), FULL)
        mask = np.zeros((bottom - top, right - left), np.uint8)
        corners -= np.array([left * 16, top * 16], np.int32)
        if width:
            cv2.polylines(mask, [corners], False, 255, max(1, round(width * SUPER)), cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
        if blur:
            # a triangle of the Gaussian's deviation, many times as quick
            radius = max(1, round(2.45 * blur * SUPER - 1))
            mask = cv2.stackBlur(mask, (2 * radius + 1, 2 * radius + 1))
        return self.image[top:bottom, left:right], mask

    def paint(
        self, points: Points, grey: float, alpha: float = 1.0, blur: float = 0.0, width: float = 0.0, lift: float = 0.0
    ) -> None:
        """Lay ``grey`` over a polygon (or line); ``blur`` and ``width`` in pixels of the 48x48 picture."""
        window, mask = self._mask(points, blur, width, lift)
        window += (grey - window) * (mask * np.float32(alpha / 255))

    def shade(self, points: Points, amount: float, blur: float, width: float = 0.0, lift: float = 0.0) -> None:
        """Darken (``amount`` < 0) or lighten a soft polygon (or line) by a share of what is there."""
        if amount:
            window, mask = self._mask(points, blur, width, lift)
            window *= 1 + mask * np.float32(amount / 255)

    def region(self, name: str, points: Points, lift: float = 0.0) -> None:
        """Give a polygon, one pixel wider all round, to a region."""
        corners = [np.round(self.place(points, lift) * 16).astype(np.int32)]
        code = REGIONS.index(name)
        cv2.fillPoly(self.regions, corners, code, cv2.LINE_8, 4)
        cv2.polylines(self.regions, corners, True, code, 2 * SUPER, cv2.LINE_8, 4)

    def mark(self, lift: float = 0.0, /, **points: Points) -> None:
        """Note landmarks (x, y) by name."""
        self.landmarks.update(zip(points, self.place(list(points.values()), lift), strict=True))

    def backdrop(self) -> None:
        """Fill the picture with the background, from its left grey to its right grey."""
        self.image[:] = np.linspace(*self.view.background, FULL, dtype=np.float32)

    def relief(self, head: float) -> None:
        """Light an ellipsoid of half width ``head`` by Lambert's law; 1 where it looks at the lamp."""
        view = self.view
        centre = 1 + np.asarray(view.shift)
        line = (np.arange(FULL, dtype=np.float32) + 0.5) / (FULL / 2)
        x = (line[None, :] - centre[0]) / (view.scale * head * 1.05)
        y = (line[:, None] - centre[1]) / (view.scale * 1.1)
        normal = np.sqrt(np.clip(1 - x**2 - y**2, 0.04, None))
        lit = (normal + view.light[0] * x + view.light[1] * y) / np.hypot(1, np.hypot(*view.light))
        self.image *= np.clip(1 - view.contrast * (1 - lit), 0.15, 1.6)
