"""Conditions of rules: ``Overlap(PTV, Esophagus)[cc] > 0 and Fractions <= 5``. Read and printed here, judged elsewhere.

Grammar::

    condition  = and-part { "or" and-part }
    and-part   = not-part { "and" not-part }
    not-part   = [ "not" ] ( comparison | "(" condition ")" )
    comparison = quantity ( "<=" | "<" | ">=" | ">" ) number
    quantity   = "Overlap(" A "," B ")[cc]" | "Distance(" A "," B ")[mm]" | "Volume(" A ")[cc]"
               | "Fractions" | "Prescription[Gy]" | metric " of " A

A and B are TG-263 names, or GTV, CTV, ITV and PTV for all targets of that role.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sbrtcheck.errors import MetricSyntaxError
from sbrtcheck.metrics import parse_metric
from sbrtcheck.naming.tables import is_known
from sbrtcheck.results import Limit

ROLES: Final = ("GTV", "CTV", "ITV", "PTV")
_UNITS: Final = {"Overlap": "cc", "Distance": "mm", "Volume": "cc"}
_FUNCTION: Final = re.compile(r"(Overlap|Distance|Volume)\(([^()]*)\)\[([^\]]*)\]")
_TOKEN: Final = re.compile(r"\s*(<=|>=|<|>|\(|\)|(?:and|or|not)\b)")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


class ConditionError(ValueError):
    """A condition cannot be read; the text says where and what would be right."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is compared.

    Attributes
    ----------
    kind : str
        ``Overlap``, ``Distance``, ``Volume``, ``Fractions``, ``Prescription`` or ``metric``.
    of : tuple of str
        Structures or roles.
    metric : str
        Expression, for ``metric``.
    """

    kind: Literal["Overlap", "Distance", "Volume", "Fractions", "Prescription", "metric"]
    of: tuple[str, ...] = ()
    metric: str = ""

    def __str__(self) -> str:
        if self.kind == "metric":
            return f"{self.metric} of {self.of[0]}"
        if self.kind == "Prescription":
            return "Prescription[Gy]"
        return f"{self.kind}({', '.join(self.of)})[{_UNITS[self.kind]}]" if self.kind in _UNITS else self.kind


@dataclass(frozen=True, slots=True)
class Comparison:
    """A quantity against a number."""

    quantity: Quantity
    limit: Limit

    def __str__(self) -> str:
        return f"{self.quantity} {self.limit.op} {self.limit.per_protocol:.12g}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts that hold together (``and``), or of which one holds (``or``)."""

    word: Literal["and", "or"]
    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({p})" if isinstance(p, Joined) else str(p) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Negated:
    """What must not hold."""

    part: Condition

    def __str__(self) -> str:
        return f"not ({self.part})"


Condition = Comparison | Joined | Negated


def parse_condition(text: str) -> Condition:
    """Return what a condition says.

    Raises
    ------
    ConditionError
        If it cannot be read.

    Examples
    --------
    >>> str(parse_condition("Overlap(PTV,Esophagus)[cc]>0 and Fractions <= 5"))
    'Overlap(PTV, Esophagus)[cc] > 0 and Fractions <= 5'
    """
    reader = _Reader(text)
    found = reader.either()
    if reader.rest():
        raise reader.wrong("an operator or the end")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def rest(self) -> str:
        return self.text[self.at :].strip()

    def wrong(self, wanted: str) -> ConditionError:
        near = self.rest()[:30] or "the end"
        return ConditionError(f"condition {self.text!r}: {wanted} was expected at {near!r}")

    def taken(self, *words: str) -> str:
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.group(1) not in words:
            return ""
        self.at = found.end()
        return found.group(1)

    def either(self) -> Condition:
        return self._joined("or", self.both)

    def both(self) -> Condition:
        return self._joined("and", self.one)

    def _joined(self, word: Literal["and", "or"], part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self.taken(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def one(self) -> Condition:
        if self.taken("not"):
            return Negated(self.one())
        if self.taken("("):
            found = self.either()
            if not self.taken(")"):
                raise self.wrong("a closing parenthesis")
            return found
        return self.comparison()

    def comparison(self) -> Condition:
        quantity = self.quantity()
        op = self.taken("<=", ">=", "<", ">")
        if not op:
            raise self.wrong("one of <=, <, >=, >")
        number = _NUMBER.match(self.text, self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip()))
        if number is None:
            raise self.wrong("a number")
        self.at = number.end()
        return Comparison(quantity, Limit.model_validate({"op": op, "per_protocol": float(number.group())}))

    def quantity(self) -> Quantity:
        start = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        function = _FUNCTION.match(self.text, start)
        if function is not None:
            self.at = function.end()
            return self._function(*function.groups())
        end = re.search(r"<=|>=|<|>", self.text[start:])
        if end is None:
            raise self.wrong("a quantity and one of <=, <, >=, >")
        words = self.text[start : start + end.start()].strip()
        self.at = start + end.start()
        if words == "Fractions":
            return Quantity("Fractions")
        if words == "Prescription[Gy]":
            return Quantity("Prescription")
        metric, of, name = words.rpartition(" of ")
        if not of:
            raise ConditionError(
                f"condition {self.text!r}: {words!r} is no quantity; write Overlap(A, B)[cc], Distance(A, B)[mm], "
                "Volume(A)[cc], Fractions, Prescription[Gy], or a metric such as D0.03cc[Gy] of SpinalCord"
            )
        try:
            parse_metric(metric)
        except MetricSyntaxError as problem:
            raise ConditionError(f"condition {self.text!r}: {problem}") from None
        return Quantity("metric", (self._name(name),), metric.strip())

    def _function(self, kind: str, inside: str, unit: str) -> Quantity:
        names = tuple(self._name(name) for name in inside.split(",") if name.strip())
        wanted = 1 if kind == "Volume" else 2
        if len(names) != wanted:
            raise ConditionError(f"condition {self.text!r}: {kind} is of {wanted} structure{'s' * (wanted > 1)}")
        if unit != _UNITS[kind]:
            raise ConditionError(f"condition {self.text!r}: write {kind}(...)[{_UNITS[kind]}], not [{unit}]")
        return Quantity(kind, names)  # type: ignore[arg-type]  # one of three words

    def _name(self, text: str) -> str:
        name = text.strip()
        if name not in ROLES and not is_known(name):
            raise ConditionError(f"condition {self.text!r}: {name!r} is no TG-263 name and none of {', '.join(ROLES)}")
        return name


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Yield every comparison of a condition."""
    match condition:
        case Comparison():
            yield condition
        case Negated():
            yield from comparisons(condition.part)
        case Joined():
            for part in condition.parts:
                yield from comparisons(part)
