"""Delivery: what was decided is told to whoever is declared in ``models/delivery.yaml``; see docs/delivery.md."""

from churnml.adapters.delivery.report import DeliveryReport
from churnml.adapters.delivery.sending import deliver
from churnml.adapters.delivery.webhook import signature, verify

__all__ = ["DeliveryReport", "deliver", "signature", "verify"]
