"""churnml: from usage logs and support tickets to the next right action for every account."""

__version__ = "0.1.0"
