"""Pictures as a camera gives them: a face in the laboratory, a face of the wild, and what is no face."""

import cv2
import numpy as np

from fer_nb.drawing.canvas import SIZE
from fer_nb.drawing.draw import render
from fer_nb.drawing.expressions import Identity, random_actions, random_view

# What the pictures of the wild suffer from.
WATERMARK = 0.1  # share with a text over them
NOISE = (1.0, 4.0)  # deviation of the grey, 0..255
BLUR = (0.0, 0.75)  # deviation, pixels


def clip(
    person: Identity, expression: str, strengths: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One take in laboratory light at given strengths: pictures uint8 (T, 48, 48), landmarks, region maps."""
    full, view = random_actions(expression, 1.0, rng, wild=False), random_view(rng, spread=0.15)
    drawn = [render(person, {unit: value * level for unit, value in full.items()}, view) for level in strengths]
    pictures, landmarks, regions = (np.stack(part) for part in zip(*drawn, strict=True))
    pictures = pictures * rng.uniform(0.8, 1.25) + rng.normal(0, 1.5, pictures.shape)
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8), landmarks, regions


def wild(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A drawn picture (48, 48) as a picture of the wild: exposure, blur, noise, some with a watermark; uint8."""
    picture = picture * rng.uniform(0.8, 1.35) + rng.uniform(-10, 20)
    if rng.random() < WATERMARK:
        text = np.zeros((4 * SIZE, 4 * SIZE), np.uint8)
        words = str(rng.choice(("stockphoto", "(c) images", "www.pics.com", "SAMPLE")))
        place = (int(rng.integers(-20, 40)), int(rng.integers(60, 180)))
        cv2.putText(text, words, place, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.9, 1.4), 255, 4, cv2.LINE_AA)
        cover = cv2.resize(text, (SIZE, SIZE), interpolation=cv2.INTER_AREA) * (rng.uniform(0.3, 0.7) / 255)
        picture = picture + (rng.choice((0.0, 255.0)) - picture) * cover
    blur = rng.uniform(*BLUR)
    if blur > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    picture = picture + rng.uniform(*NOISE) * rng.standard_normal(picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def non_face(kind: int, rng: np.random.Generator) -> np.ndarray:
    """A picture without a face, uint8 (48, 48), by ``kind`` modulo 4: flat, a placard, soft blots, stripes."""
    picture = np.full((SIZE, SIZE), float(rng.integers(0, 256)))
    if kind % 4 == 0:
        return picture.astype(np.uint8)
    if kind % 4 == 1:
        ink = 255.0 if picture[0, 0] < 128 else 0.0
        for row, words in enumerate(("photo", "not", "found")):
            cv2.putText(picture, words, (4, 15 + 13 * row), cv2.FONT_HERSHEY_PLAIN, 0.7, ink)
    if kind % 4 == 2:
        picture = 128 + 900 * cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)), (0, 0), 5)
    if kind % 4 == 3:
        across, down = rng.uniform(0.2, 1.2), rng.uniform(0, 1)
        picture = 128 + 90 * np.sin(across * np.arange(SIZE) + down * np.arange(SIZE)[:, None])
    return wild(picture, rng)
