"""ProKnow scorecards: JSON with computed metrics, each with levels of performance.

The format, as far as it is used here: an object with ``name``, ``computed`` and ``custom``; a computed metric has
``type``, ``roi_name``, ``arg_1``, ``arg_2`` and ``objectives``. Objectives are 2 to 10 levels in rising order of the
value, each with a ``label``; between two neighbours stands either ``max`` of the lower (a value equal to it belongs to
the lower) or ``min`` of the upper (it belongs to the upper). Types are named after their units, so that none is
ambiguous. Which levels are good is said by the labels alone.

References
----------
.. [1] proknow/proknow-python, docs/usage/computed_metrics.rst: types and arguments.
.. [2] proknow/proknow-python, docs/usage/scorecard_objectives.rst: levels, their order, values on a boundary.
.. [3] proknow/proknow-python, proknow/ScorecardTemplates.py: the object, and the labels that examples use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange.base import CannotCarry, Draft, LeftOut, Reading, one_line
from sbrtcheck.protocol.exchange.text import json_number, plain
from sbrtcheck.results import Limit

# Type to expression; the number stands where the braces are.
_TYPES = {
    "DOSE_VOLUME_PERCENT_ROI": "D{}%[Gy]",
    "DOSE_VOLUME_CC_ROI": "D{}cc[Gy]",
    # "Dose covering the total volume minus arg_1": what the coldest arg_1 do not exceed.
    "DOSE_VOLUME_MINUS_CC_ROI": "DC{}cc[Gy]",
    "VOLUME_CC_DOSE_ROI": "V{}Gy[cc]",
    "VOLUME_PERCENT_DOSE_ROI": "V{}Gy[%]",
    "MIN_DOSE_ROI": "Min[Gy]",
    "MAX_DOSE_ROI": "Max[Gy]",
    "MEAN_DOSE_ROI": "Mean[Gy]",
    "VOLUME": "Volume[cc]",
}
# From 0 Gy on, the volume in a range is the volume below its upper end.
_RANGES = {"VOLUME_CC_DOSE_RANGE_ROI": "CV{}Gy[cc]", "VOLUME_PERCENT_DOSE_RANGE_ROI": "CV{}Gy[%]"}
_NO_COUNTERPART = {
    "INTEGRAL_DOSE_ROI": "an integral dose is not among the metrics",
    "MAX_DOSE": "the maximum of the whole dose grid belongs to no structure; Max[Gy] of External is near to it",
    "VOLUME_OF_REGRET": "an isodose in Gy outside a structure is not among the metrics; Spill100%[cc] is near to it",
    "IRRADIATED_VOLUME": "an isodose volume in Gy is not among the metrics",
    "CONFORMATION_NUMBER": "its formula is not stated in the file; CI_Paddick may be meant",
    "CONFORMALITY_INDEX": "its formula is not stated in the file; CI_RTOG or CI_Paddick may be meant",
    "HOMOGENEITY_INDEX": "its formula is not stated in the file; HI_ICRU83 may be meant",
    "INHOMOGENEITY_INDEX": "its formula is not stated in the file; HI_ICRU83 may be meant",
    "CUMULATIVE_METERSET": "monitor units are not among the metrics",
}
_PASS, _VARIATION, _FAIL = 0, 1, 2
# A label that could be read as either of two tiers has the stricter one: "acceptable" is no more than a variation.
_LABELS = {
    "IDEAL": _PASS,
    "GOOD": _PASS,
    "PASS": _PASS,
    "PER PROTOCOL": _PASS,
    "ACCEPTABLE": _VARIATION,
    "MARGINAL": _VARIATION,
    "VARIATION": _VARIATION,
    "ACCEPTABLE VARIATION": _VARIATION,
    "VARIATION ACCEPTABLE": _VARIATION,
    "UNACCEPTABLE": _FAIL,
    "FAIL": _FAIL,
    "UNACCEPTABLE DEVIATION": _FAIL,
    "DEVIATION UNACCEPTABLE": _FAIL,
}
_WRITTEN = {_PASS: ("PASS", [0, 160, 0]), _VARIATION: ("ACCEPTABLE", [230, 180, 0]), _FAIL: ("FAIL", [210, 0, 0])}


def read_proknow(text: str) -> Reading:
    """Return what a scorecard, or a template of one, holds.

    Raises
    ------
    ProtocolError
        If it is no JSON, or no scorecard.
    """
    try:
        data = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise ProtocolError(f"the file to import is no JSON: {one_line(error)}", remedy="Export it anew") from error
    computed = data.get("computed") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(computed, list):
        raise ProtocolError(
            "the JSON file is no ProKnow scorecard: it has no list 'computed'",
            remedy="Save the scorecard template itself, an object with name, computed and custom",
        )
    reading = Reading(title=one_line(data.get("name") or ""))
    for number, metric in enumerate(computed):
        where = f"computed[{number}]"
        try:
            draft, details = _draft(where, metric)
        except CannotCarry as reason:
            reading.found.append(LeftOut(where, _label(metric), str(reason)))
            continue
        reading.found.append(draft)
        reading.found += [LeftOut(where, _label(metric), detail, "detail") for detail in details]
    custom = data.get("custom")
    for number, metric in enumerate(custom if isinstance(custom, list) else [custom] if custom else []):
        why = "a custom metric is entered by hand and cannot be measured"
        reading.found.append(LeftOut(f"custom[{number}]", _label(metric), why))
    return reading


def proknow_metric(name: str, metric: str, limit: Limit) -> dict[str, Any]:
    """Return one computed metric with its levels; raises CannotCarry if ProKnow has no such metric."""
    levels = [_FAIL, _PASS] if limit.variation is None else [_FAIL, _VARIATION, _PASS]
    bounds = [limit.per_protocol] if limit.variation is None else [limit.variation, limit.per_protocol]
    rising = "<" in limit.op
    if rising:
        levels, bounds = levels[::-1], bounds[::-1]
    # A value on the boundary belongs to the lower level for <= and >, to the upper one for < and >=.
    to_lower = limit.op in {"<=", ">"}
    objectives: list[dict[str, Any]] = [{"label": _WRITTEN[n][0], "color": _WRITTEN[n][1]} for n in levels]
    for number, bound in enumerate(bounds):
        objectives[number if to_lower else number + 1]["max" if to_lower else "min"] = bound
    return {**_arguments(metric), "roi_name": name, "objectives": objectives}


def _arguments(metric: str) -> dict[str, Any]:
    for kind, pattern in (_TYPES | _RANGES).items():
        before, braces, after = pattern.partition("{}")
        found = re.fullmatch(re.escape(before) + (r"([\d.]+)" if braces else "") + re.escape(after), metric)
        if found:
            number = float(found[1]) if braces else None
            first, second = (0.0, number) if kind in _RANGES else (number, None)
            return {"type": kind, "arg_1": first, "arg_2": second}
    raise CannotCarry(f"ProKnow has no computed metric for {metric}")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _label(metric: Any) -> str:
    if not isinstance(metric, Mapping):
        return one_line(json.dumps(metric, default=str))
    shown = ("type", "roi_name", "arg_1", "arg_2", "name", "id")
    return one_line(" ".join(str(metric[key]) for key in shown if metric.get(key) is not None)) or "(nothing)"


def _draft(where: str, metric: Any) -> tuple[Draft, tuple[str, ...]]:
    if not isinstance(metric, Mapping):
        raise CannotCarry("it is no object")
    expression = _expression(metric)
    name = metric.get("roi_name")
    if not isinstance(name, str):
        raise CannotCarry("no structure is named")
    levels = _levels(metric.get("objectives"))
    merged = " and ".join(f"between {level}" for level in levels.merged)
    details = (f"the boundary {merged}: both are the same verdict here",) if merged else ()
    return Draft(where, (name,), expression, levels.op, levels.per_protocol, levels.variation, levels.note), details


def _expression(metric: Mapping[str, Any]) -> str:
    kind = metric.get("type")
    if not isinstance(kind, str):
        raise CannotCarry("it has no type")
    if kind in _RANGES:
        start = json_number(metric.get("arg_1"), "arg_1")
        if start != 0:
            raise CannotCarry("the volume between two doses is not among the metrics; only from 0 Gy on (CV20Gy[cc])")
        return _RANGES[kind].format(plain(json_number(metric.get("arg_2"), "arg_2")))
    if kind not in _TYPES:
        raise CannotCarry(_NO_COUNTERPART.get(kind, "it is no known type of metric"))
    pattern = _TYPES[kind]
    return pattern.format(plain(json_number(metric.get("arg_1"), "arg_1"))) if "{}" in pattern else pattern


@dataclass(frozen=True, slots=True)
class _Levels:
    op: str
    per_protocol: float
    variation: float | None
    merged: tuple[str, ...]
    note: str


def _levels(objectives: Any) -> _Levels:
    """Return the limit that levels of performance mean."""
    if not isinstance(objectives, list) or not objectives:
        raise CannotCarry("it has no objectives, so there is nothing to judge it by")
    tiers, bounds = [_tier(level) for level in objectives], _bounds(objectives)
    rising = tiers[0] == _PASS
    ordered = tiers if rising else tiers[::-1]
    if ordered != sorted(ordered) or ordered[0] != _PASS or ordered[-1] != _FAIL:
        raise CannotCarry(
            f"its levels ({', '.join(_name(level) for level in objectives)}) do not lead from pass to fail in one "
            "direction; write one rule for each side"
        )
    changes = [(bound, pair) for bound, pair in zip(bounds, pairwise(tiers), strict=True) if pair[0] != pair[1]]
    if len({to_lower for (_, to_lower), _ in changes}) > 1:
        raise CannotCarry("one boundary counts as passed and the other does not; a limit has one operator for both")
    changes = changes if rising else changes[::-1]
    (first, to_lower), _ = changes[0]
    op = ("<=" if to_lower else "<") if rising else (">" if to_lower else ">=")
    names = [_name(level) for level in objectives]
    merged = tuple(f"{a} and {b}" for (a, b), (s, t) in zip(pairwise(names), pairwise(tiers), strict=True) if s == t)
    variation = float(changes[1][0][0]) if len(changes) > 1 else None
    read = ", ".join(dict.fromkeys(name for name, tier in zip(names, tiers, strict=True) if tier == _VARIATION))
    note = f"{read} of the scorecard is read as a variation" if read else ""
    return _Levels(op, float(first), variation, merged, note)


def _name(level: Mapping[str, Any]) -> str:
    return one_line(level["label"])


def _tier(level: Any) -> int:
    label = level.get("label") if isinstance(level, Mapping) else None
    if not isinstance(label, str):
        raise CannotCarry("a level of it has no label")
    tier = _LABELS.get(" ".join(label.upper().split()))
    if tier is None:
        raise CannotCarry(
            f"is its level {one_line(label)!r} a pass, a variation or a fail? Call it one of {', '.join(_LABELS)}"
        )
    return tier


def _bounds(levels: Sequence[Mapping[str, Any]]) -> list[tuple[Decimal, bool]]:
    """Return the value between each two levels, and whether it belongs to the lower of the two."""
    if levels[0].get("min") is not None or levels[-1].get("max") is not None:
        raise CannotCarry("its first level has a min, or its last a max")
    bounds = []
    for lower, upper in pairwise(levels):
        highest, least = lower.get("max"), upper.get("min")
        if (highest is None) == (least is None):
            raise CannotCarry(f"between {_name(lower)} and {_name(upper)} stands not exactly one of max and min")
        bounds.append((json_number(least if highest is None else highest, "a boundary"), highest is not None))
    if any(b <= a for (a, _), (b, _) in pairwise(bounds)):
        raise CannotCarry("its levels do not rise")
    return bounds
