"""The effects: the only rooms that open something. One outside world each."""
