"""Dose metrics: one module a metric, found by its ``METRIC`` constant; the grammar of DESIGN section 5."""

from sbrtcheck.metrics.base import Metric, Remark, remarks
from sbrtcheck.metrics.grammar import all_metrics, metric_text, parse_metric

__all__ = ["Metric", "Remark", "all_metrics", "metric_text", "parse_metric", "remarks"]
