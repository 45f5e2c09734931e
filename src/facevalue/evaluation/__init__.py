"""Metrics, plots, explanations, robustness, results."""
