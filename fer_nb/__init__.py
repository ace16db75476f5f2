"""fer_nb: a reproducible study of light networks for facial-expression recognition."""

__version__ = "0.1.0"
