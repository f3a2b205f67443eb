"""The expression grammar: text such as ``D0.03cc[Gy]`` to the metric object that computes it.

Every metric module beside this one brings its own notation; here the text is matched against all of them, and text that
cannot be read, or can be read in two ways, is refused with what would be right.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from decimal import Decimal
from functools import cache

from sbrtcheck.dose.biology import Effect
from sbrtcheck.errors import MetricSyntaxError
from sbrtcheck.metrics.base import Metric, Notated, OfDoseInGy
from sbrtcheck.metrics.biological import Biological

_SUFFIX = re.compile(r"@(?P<quantity>EQD2|BED)\(a/b=(?P<alpha_beta>\d+(?:\.\d+)?)\)")
_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_GROUP = re.compile(r"\(\?P<(?P<name>\w+)>")
# Notations that can be read in two ways, or that leave a unit out.
_AMBIGUOUS = (
    (
        re.compile(rf"(?P<kind>D|DC){_NUMBER}(?P<out>\[(?:Gy|%)\])?"),
        "is {number} a volume in percent or in cubic centimetres? Write {kind}{number}%[Gy] or {kind}{number}cc[Gy]",
    ),
    (
        re.compile(rf"(?P<kind>V|CV){_NUMBER}(?P<out>\[(?:%|cc)\])?"),
        "is {number} a dose in gray or in percent of the prescription? "
        "Write {kind}{number}Gy[%], {kind}{number}Gy[cc], {kind}{number}%[%] or {kind}{number}%[cc]",
    ),
    (
        re.compile(rf"(?P<kind>D|DC){_NUMBER}(?P<unit>%|cc)"),
        "in which unit is the dose? Write {kind}{number}{unit}[Gy] or {kind}{number}{unit}[%] (of the prescription)",
    ),
    (
        re.compile(rf"(?P<kind>V|CV){_NUMBER}(?P<unit>%|Gy)"),
        "in which unit is the volume? Write {kind}{number}{unit}[%] (of the structure) or {kind}{number}{unit}[cc]",
    ),
    (
        re.compile(r"(?P<kind>Min|Mean|Max|Dnearmax|Dnearmin|D2cm|gEUD\(a=-?\d+(?:\.\d+)?\))"),
        "in which unit is the dose? Write {kind}[Gy] or {kind}[%] (of the prescription)",
    ),
    (
        re.compile(rf"Spill{_NUMBER}%?(?P<out>\[(?:%|cc|Gy)\])?"),
        "in which units are isodose and volume? Write Spill{number}%[cc] or Spill{number}%[%] (of the structure)",
    ),
    (
        re.compile(r"gEUD(?P<out>\[(?:Gy|%)\])?"),
        "with which a? Write gEUD(a=8)[Gy]",
    ),
)


@cache
def all_metrics() -> tuple[type[Notated], ...]:
    """Return the ``METRIC`` of every module beside this one, in order of id."""
    package = importlib.import_module("sbrtcheck.metrics")
    modules = (importlib.import_module(f"sbrtcheck.metrics.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted((m.METRIC for m in modules if hasattr(m, "METRIC")), key=lambda metric: metric.id))


def parse_metric(expression: str) -> Metric:
    """Return the metric that an expression names.

    Parameters
    ----------
    expression : str
        ``D95%[Gy]``, ``D0.03cc[Gy]``, ``V20Gy[%]``, ``V100%[cc]``, ``CV12.5Gy[cc]``, ``DC1500cc[Gy]``, ``Min[Gy]``,
        ``R50``, ``CI_Paddick`` and so on; ``all_metrics()`` lists examples of all, docs/metrics.md explains them. With
        ``@EQD2(a/b=3)`` or ``@BED(a/b=10)`` every dose in it, thresholds too, is in Gy of that effect. Case matters;
        spaces around do not.

    Returns
    -------
    Metric

    Raises
    ------
    MetricSyntaxError
        If the expression is unknown, leaves a unit out, can be read in two ways, or asks for the biologically effective
        dose of something that has none.
    """
    text = expression.strip()
    base, at, suffix = text.partition("@")
    metric = _physical(base, text)
    return _biological(metric, at + suffix, text) if at else metric


def metric_text(metric: Metric) -> str:
    """Return the expression that names a metric; read again, it gives the same metric.

    Examples
    --------
    >>> metric_text(parse_metric(" D0.030cc[Gy]@EQD2(a/b=3.0) "))
    'D0.03cc[Gy]@EQD2(a/b=3)'
    """
    if isinstance(metric, Biological):
        effect = metric.effect
        return f"{metric_text(metric.base)}@{effect.quantity}(a/b={_plain(effect.alpha_beta_gy)})"
    if not isinstance(metric, Notated):
        raise TypeError(f"{metric!r} has no notation")
    pattern, text = metric.notation.pattern, ""
    while pattern:
        group = _GROUP.match(pattern)
        if group is None:
            text += pattern[0].replace("\\", "")
            pattern = pattern[1:]
            continue
        value = getattr(metric, group["name"])
        text += _plain(value) if isinstance(value, float) else str(value)
        pattern = pattern[_end_of_group(pattern) :]
    return text


def _plain(number: float) -> str:
    """Return a number without exponent, with as many digits as tell it from every other."""
    whole, _, part = format(Decimal(repr(number)), "f").partition(".")
    return f"{whole}.{part.rstrip('0')}" if part.rstrip("0") else whole


def _end_of_group(pattern: str) -> int:
    """Return where the group that a pattern begins with ends."""
    depth = 0
    for at, sign in enumerate(pattern):
        if sign in "()" and pattern[at - 1 : at] != "\\":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return at + 1
    raise ValueError(f"the notation {pattern!r} has a group without end")  # pragma: no cover


def _physical(base: str, text: str) -> Metric:
    for metric in all_metrics():
        found = metric.notation.fullmatch(base)
        if found:
            return _built(metric, found, text)
    for pattern, question in _AMBIGUOUS:
        unclear = pattern.fullmatch(base)
        if unclear:
            raise MetricSyntaxError(
                f"metric {text!r} can be read in more than one way", remedy=question.format(**unclear.groupdict())
            )
    raise MetricSyntaxError(f"unknown metric {text!r}", remedy=_nearest(base))


def _biological(metric: Metric, suffix: str, text: str) -> Metric:
    found = _SUFFIX.fullmatch(suffix)
    if not found:
        raise MetricSyntaxError(
            f"cannot read the suffix of metric {text!r}", remedy="Write @EQD2(a/b=3) or @BED(a/b=10)"
        )
    if not isinstance(metric, OfDoseInGy) or not metric.in_gy:
        raise MetricSyntaxError(
            f"metric {text!r} has no biologically effective dose: prescriptions, isodoses of the whole body and "
            "volumes belong to physical dose",
            remedy="Use the suffix with doses in Gy within a structure, such as D0.03cc[Gy]@EQD2(a/b=3)",
        )
    try:
        effect = Effect("EQD2" if found["quantity"] == "EQD2" else "BED", float(found["alpha_beta"]))
    except ValueError as reason:
        raise MetricSyntaxError(f"metric {text!r}: {reason}") from reason
    return Biological(metric, effect)


def _built(metric: type[Notated], found: re.Match[str], text: str) -> Metric:
    kinds = getattr(metric, "__annotations__", {})
    fields = {n: float(v) if kinds.get(n) == "float" else v for n, v in found.groupdict().items() if v is not None}
    try:
        return metric(**fields)
    except ValueError as reason:
        raise MetricSyntaxError(f"metric {text!r}: {reason}") from reason


def _nearest(text: str) -> str:
    examples = [example for metric in all_metrics() for example in metric.examples]
    lowered = {example.lower(): example for example in examples}
    near = difflib.get_close_matches(text.lower(), lowered, n=4, cutoff=0.5)
    if near:
        return "Did you mean something like " + ", ".join(lowered[n] for n in near) + "?"
    return "Known are, for example, " + ", ".join(metric.examples[0] for metric in all_metrics())
