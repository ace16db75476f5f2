"""Where a net looks: Score-CAM and MP (thesis 4.1), and what they are worth."""

from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.score_cam import ScoreCAM

__all__ = ["MeaningfulPerturbation", "ScoreCAM"]
