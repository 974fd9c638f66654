"""What the command line prints: plain text for people, from the same data that ``--json`` gives."""
