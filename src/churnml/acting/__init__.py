"""From probabilities to the next right action: reasons, health, playbooks, routing."""
