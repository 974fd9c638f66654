"""Whether acting helped: effects, their intervals, and whom to act on first."""
