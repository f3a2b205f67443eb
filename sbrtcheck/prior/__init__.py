"""Earlier courses of radiotherapy: what they gave to a structure of this plan."""

from sbrtcheck.prior.overlap import PriorDose, prior_dose

__all__ = ["PriorDose", "prior_dose"]
