"""Everything a person reads, made from typed values: terminal, report, card, charts."""
