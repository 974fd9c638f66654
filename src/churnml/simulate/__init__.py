"""A SaaS company whose true churn and upsell probabilities are known; see ``docs/simulator.md``."""

from churnml.simulate.company import CHURN, UPSELL, Company, simulate

__all__ = ["CHURN", "UPSELL", "Company", "simulate"]
