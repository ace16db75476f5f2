"""fer_nb: a reproducible study of light networks for facial-expression recognition."""
