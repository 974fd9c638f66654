"""Revenue: what accounts pay a month, how it moves from one end of a period to the other, and what is kept of it."""
