"""The small language of rules, which playbooks and labels are declared in: its text, its facts, of whom it holds."""
