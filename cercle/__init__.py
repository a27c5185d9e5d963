"""Cercle: care coordination for the French e-Parcours programme."""

__version__ = "0.1.0"
