"""Differentiable search of a net's cells (Verma et al. 2023, after DARTS: Liu, Simonyan and Yang 2019)."""
