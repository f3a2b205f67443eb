"""Dose metrics: one module a metric, found by its ``METRIC`` constant; the grammar of DESIGN section 5."""

from sbrtcheck.metrics.grammar import Metric, all_metrics, parse_metric

__all__ = ["Metric", "all_metrics", "parse_metric"]
