"""Many plans: found, checked side by side, resumed, stored and summarised."""

from sbrtcheck.batch.gathering import gather
from sbrtcheck.batch.runner import run_batch

__all__ = ["gather", "run_batch"]
