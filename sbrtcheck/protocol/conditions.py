"""Conditions of rules: ``Overlap(PTV, Esophagus)[cc] > 0 and Fractions <= 5``. Read and printed here, judged elsewhere.

Grammar::

    condition  = and-part { "or" and-part }
    and-part   = not-part { "and" not-part }
    not-part   = [ "not" ] ( comparison | "(" condition ")" )
    comparison = quantity ( "<=" | "<" | ">=" | ">" | "=" ) number      ("=" for Fractions and Lesions only)
    quantity   = "Overlap(" A "," B ")[cc]" | "Distance(" A "," B ")[mm]" | "Volume(" A ")[cc]" | metric " of " A
               | "Fractions" | "Prescription[Gy]" | "DosePerFraction[Gy]" | "Lesions" [ "(" organ ")" ]

A and B are TG-263 names, names of the protocol's own structures, or GTV, CTV, ITV and PTV for all targets of that role.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sbrtcheck.anatomy.organ_kinds import organ_names
from sbrtcheck.errors import MetricSyntaxError
from sbrtcheck.metrics import parse_metric
from sbrtcheck.naming.tables import is_known
from sbrtcheck.results import Limit

ROLES: Final = ("GTV", "CTV", "ITV", "PTV")
Kind = Literal["Overlap", "Distance", "Volume", "Fractions", "Prescription", "DosePerFraction", "Lesions", "metric"]

_UNITS: Final = {"Overlap": "cc", "Distance": "mm", "Volume": "cc"}
_PLAIN: Final[dict[str, Kind]] = {
    "Fractions": "Fractions",
    "Lesions": "Lesions",
    "Prescription[Gy]": "Prescription",
    "DosePerFraction[Gy]": "DosePerFraction",
}
_LESIONS: Final = re.compile(r"Lesions\(\s*([^()]*?)\s*\)")
# A choice: more than anybody reads.
_MOST_NESTED: Final = 30
_FUNCTION: Final = re.compile(r"(Overlap|Distance|Volume)\(([^()]*)\)\[([^\]]*)\]")
_TOKEN: Final = re.compile(r"\s*(<=|>=|<|>|=|\(|\)|(?:and|or|not)\b)")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


class ConditionError(ValueError):
    """A condition cannot be read; the text says where and what would be right."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is compared.

    Attributes
    ----------
    kind : str
        ``Lesions`` is the number of lesions, ``DosePerFraction`` that of a prescription in Gy.
    of : tuple of str
        Structures or roles; for ``Lesions`` none, or an organ.
    metric : str
        Expression, for ``metric``.
    """

    kind: Kind
    of: tuple[str, ...] = ()
    metric: str = ""

    def __str__(self) -> str:
        if self.kind == "metric":
            return f"{self.metric} of {self.of[0]}"
        if self.kind in _UNITS:
            return f"{self.kind}({', '.join(self.of)})[{_UNITS[self.kind]}]"
        if self.of:
            return f"{self.kind}({self.of[0]})"
        return next(text for text, kind in _PLAIN.items() if kind == self.kind)


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
        if self.is_equality:
            return str(self.parts[0]).replace(">=", "=")
        bare = (f"({p})" if isinstance(p, Joined) and not p.is_equality else str(p) for p in self.parts)
        return f" {self.word} ".join(bare)

    @property
    def is_equality(self) -> bool:
        """Whether it says that a number of fractions or lesions is just so many."""
        first = self.parts[0]
        return isinstance(first, Comparison) and self == _equality(first.quantity, first.limit.per_protocol)


@dataclass(frozen=True, slots=True)
class Negated:
    """What must not hold."""

    part: Condition

    def __str__(self) -> str:
        return f"not ({self.part})"


Condition = Comparison | Joined | Negated


def _equality(quantity: Quantity, number: float) -> Joined | None:
    """Return that a whole number is at least and at most so many; None for what is measured, and never just so."""
    if quantity.kind not in {"Fractions", "Lesions"}:
        return None
    ends = (Comparison(quantity, Limit(op=op, per_protocol=number)) for op in (">=", "<="))
    return Joined("and", tuple(ends))


def parse_condition(text: str, own: Collection[str] | None = ()) -> Condition:
    """Return what a condition says.

    Parameters
    ----------
    text : str
    own : collection of str or None
        Names of the protocol's own structures; None takes every name, for a reader who does not know them.

    Raises
    ------
    ConditionError
        If it cannot be read.

    Examples
    --------
    >>> str(parse_condition("Overlap(PTV,Esophagus)[cc]>0 and Fractions <= 5"))
    'Overlap(PTV, Esophagus)[cc] > 0 and Fractions <= 5'
    """
    if len(re.findall(r"\(|\bnot\b", text)) > _MOST_NESTED:
        raise ConditionError(f"a condition has more than {_MOST_NESTED} parentheses and 'not'; split the rule")
    reader = _Reader(text, own)
    found = reader.either()
    if reader.rest():
        raise reader.wrong("an operator or the end")
    return found


class _Reader:
    def __init__(self, text: str, own: Collection[str] | None) -> None:
        self.text, self.own, self.at = text, own, 0

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
        op = self.taken("<=", ">=", "<", ">", "=")
        if not op:
            raise self.wrong("one of <=, <, >=, >")
        number = _NUMBER.match(self.text, self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip()))
        if number is None:
            raise self.wrong("a number")
        self.at = number.end()
        if op == "=":
            equality = _equality(quantity, float(number.group()))
            if equality is None:
                raise ConditionError(
                    f"condition {self.text!r}: what is measured is compared by <=, <, >= or >, not by ="
                )
            return equality
        return Comparison(quantity, Limit.model_validate({"op": op, "per_protocol": float(number.group())}))

    def quantity(self) -> Quantity:
        start = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        function = _FUNCTION.match(self.text, start)
        if function is not None:
            self.at = function.end()
            return self._function(*function.groups())
        end = re.search(r"<=|>=|<|>|=", self.text[start:])
        if end is None:
            raise self.wrong("a quantity and one of <=, <, >=, >")
        words = self.text[start : start + end.start()].strip()
        self.at = start + end.start()
        if words in _PLAIN:
            return Quantity(_PLAIN[words])
        lesions = _LESIONS.fullmatch(words)
        if lesions is not None:
            return Quantity("Lesions", (self._organ(lesions.group(1)),))
        metric, of, name = words.rpartition(" of ")
        if not of:
            raise ConditionError(
                f"condition {self.text!r}: {words!r} is no quantity; write Overlap(A, B)[cc], Distance(A, B)[mm], "
                "Volume(A)[cc], Fractions, Prescription[Gy], DosePerFraction[Gy], Lesions, Lesions(lung), or a metric "
                "such as D0.03cc[Gy] of SpinalCord"
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
        if self.own is None or name in ROLES or name in self.own or is_known(name):
            return name
        raise ConditionError(
            f"condition {self.text!r}: {name!r} is no TG-263 name, none of {', '.join(ROLES)} and none of [structures]"
        )

    def _organ(self, name: str) -> str:
        if name not in organ_names():
            listed = ", ".join(sorted(organ_names()))
            raise ConditionError(f"condition {self.text!r}: {name!r} is no organ; there are {listed}")
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


def of_plan_alone(condition: Condition) -> bool:
    """Return whether a condition asks for nothing that a contour decides: only for the number of fractions."""
    return all(comparison.quantity.kind == "Fractions" for comparison in comparisons(condition))
