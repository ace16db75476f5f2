"""Sets of drawn clips of micro-expressions by name, and how hard each is: what micro_expressions.py draws.

Each start of Snakemake imports it for the names.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """How hard a set of clips is.

    motion: pixels by which the landmark that moves farthest moves from onset to apex, the head's drift apart; 0 for a
    strength drawn from STRENGTH. noise: deviation of the grey, 0..255. drift: deviation over a clip of the head's
    shift, in pixels; its roll moves a point at the face's edge as far. subjects: how many are drawn.
    """

    motion: float = 0.0
    noise: float = 1.5
    drift: float = 0.192
    subjects: int = 24


# Sets of clips by name: the first for a quick look, the others each with one thing harder or easier than micro1.
CONDITIONS = {
    "micro": Condition(subjects=12),
    "micro1": Condition(motion=1.0),
    "micro05": Condition(motion=0.5),
    "micro2": Condition(motion=2.0),
    "micro1noise4": Condition(motion=1.0, noise=4.0),
    "micro1noise8": Condition(motion=1.0, noise=8.0),
    "micro1drift05": Condition(motion=1.0, drift=0.5),
    "micro1drift1": Condition(motion=1.0, drift=1.0),
}
