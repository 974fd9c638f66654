"""Measurements, as ratios in one run; ``make bench`` writes ``docs/performance.md``."""
