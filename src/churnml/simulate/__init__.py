"""A SaaS company whose true churn and upsell probabilities are known; see ``docs/simulator.md``."""

from churnml.simulate.company import CHURN, UPSELL, Company, simulate
from churnml.simulate.interventions import InterventionEffect

__all__ = ["CHURN", "UPSELL", "Company", "InterventionEffect", "simulate"]
