"""The health score: dimensions, scorecards, exceptions, bands, and what changed between two dates."""
