"""The small language of playbooks: parsed once, checked, evaluated, put into words."""
