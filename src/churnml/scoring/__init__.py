"""Champions and one date in; probabilities, reasons and times out."""
