"""Metrics, plots, explanations, robustness and recorded results."""
