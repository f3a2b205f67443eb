"""Structures made of others: ``(Lung_L | Lung_R) - GTV``, ``SpinalCord + 3mm``, ``ring(PTV, 10mm, 30mm)``.

Grammar::

    expression = operand { "|" operand } | operand { "&" operand } | operand { "-" operand } | operand margin
    margin     = ( "+" | "-" ) length
    operand    = name | "(" expression ")" | "ring(" expression "," length "," length ")"
    length     = number "mm"

``|`` is what either holds, ``&`` what both hold, ``A - B - C`` what A holds and neither B nor C does. Signs are not
mixed without parentheses, so nobody has to know which of them binds closer. A ``-`` between names stands between
spaces, because TG-263 names hold it as well (``Lungs-GTV``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal

# A choice: what is farther away is taken for centimetres, or for a slip.
FARTHEST_MM: Final = 100.0
# A choice: more than anybody reads.
_MOST_PARENTHESES: Final = 30
_NAME: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z][A-Za-z0-9_]*)*)")
_LENGTH: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(\w*)")
_SIGN: Final = re.compile(r"\s*([|&+\-(),])")


class ExpressionError(ValueError):
    """An expression cannot be read; the text says where and what would be right."""


@dataclass(frozen=True, slots=True)
class Name:
    """A structure by its name, or all targets of a role."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Combined:
    """What any (``|``) or all (``&``) of the parts hold, or the first and none of the others (``-``)."""

    sign: Literal["|", "&", "-"]
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return f" {self.sign} ".join(_operand(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Margin:
    """What lies within a distance of a structure; for a distance below 0, what lies that deep inside."""

    part: Expression
    margin_mm: float

    def __str__(self) -> str:
        return f"{_operand(self.part)} {'-' if self.margin_mm < 0.0 else '+'} {abs(self.margin_mm):.12g}mm"


@dataclass(frozen=True, slots=True)
class Ring:
    """What lies within ``outer_mm`` of a structure and not within ``inner_mm``."""

    part: Expression
    inner_mm: float
    outer_mm: float

    def __str__(self) -> str:
        return f"ring({self.part}, {self.inner_mm:.12g}mm, {self.outer_mm:.12g}mm)"


Expression = Name | Combined | Margin | Ring


def _operand(part: Expression) -> str:
    return str(part) if isinstance(part, Name | Ring) else f"({part})"


def parse_expression(text: str) -> Expression:
    """Return what an expression says; whether its names are known is not asked here.

    Raises
    ------
    ExpressionError
        If it cannot be read, or in more than one way.

    Examples
    --------
    >>> str(parse_expression("(Lung_L|Lung_R) - GTV"))
    '(Lung_L | Lung_R) - GTV'
    """
    if text.count("(") > _MOST_PARENTHESES:
        raise ExpressionError(f"an expression has more than {_MOST_PARENTHESES} parentheses; name its parts")
    reader = _Reader(text)
    found = reader.whole()
    if reader.rest():
        raise reader.wrong("one of |, &, -, + or the end")
    return found


def names_of(expression: Expression) -> Iterator[str]:
    """Yield the names in an expression, in their order."""
    match expression:
        case Name():
            yield expression.name
        case Combined():
            for part in expression.parts:
                yield from names_of(part)
        case Margin() | Ring():
            yield from names_of(expression.part)


def replaced(expression: Expression, put: Callable[[str], Expression | None]) -> Expression:
    """Return an expression with other expressions in the place of some of its names.

    Parameters
    ----------
    expression : Expression
    put : callable
        From a name to what stands in its place, None to keep it.
    """
    match expression:
        case Name():
            return put(expression.name) or expression
        case Combined():
            return Combined(expression.sign, tuple(replaced(part, put) for part in expression.parts))
        case Margin():
            return Margin(replaced(expression.part, put), expression.margin_mm)
        case Ring():
            return Ring(replaced(expression.part, put), expression.inner_mm, expression.outer_mm)


def without(expression: Expression, names: Collection[str]) -> Expression:
    """Return an expression without some names where it says ``A | B``; elsewhere, and as the last one, they stay.

    Examples
    --------
    >>> str(without(parse_expression("(A | B | C) - D"), {"B", "D"}))
    '(A | C) - D'
    """
    match expression:
        case Name():
            return expression
        case Combined():
            parts = tuple(without(part, names) for part in expression.parts)
            if expression.sign == "|":
                parts = tuple(p for p in parts if not (isinstance(p, Name) and p.name in names)) or parts
            return parts[0] if len(parts) == 1 else Combined(expression.sign, parts)
        case Margin():
            return Margin(without(expression.part, names), expression.margin_mm)
        case Ring():
            return Ring(without(expression.part, names), expression.inner_mm, expression.outer_mm)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def rest(self) -> str:
        return self.text[self.at :].strip()

    def wrong(self, wanted: str) -> ExpressionError:
        near = self.rest()[:30] or "the end"
        return ExpressionError(f"expression {self.text!r}: {wanted} was expected at {near!r}")

    def taken(self, *signs: str) -> str:
        found = _SIGN.match(self.text, self.at)
        if found is None or found.group(1) not in signs:
            return ""
        self.at = found.end()
        return found.group(1)

    def whole(self) -> Expression:
        parts, signs, margin = [self.operand()], set[str](), None
        while sign := self.taken("|", "&", "-", "+"):
            signs.add(sign)
            if sign in "+-" and _LENGTH.match(self.text, self.at):
                margin = self.length() * (1.0 if sign == "+" else -1.0)
                if margin == 0.0:
                    raise ExpressionError(f"expression {self.text!r}: a margin of 0 mm changes nothing")
            elif sign == "+":
                raise ExpressionError(
                    f"expression {self.text!r}: + is for margins such as PTV + 5mm; what either of two holds is A | B"
                )
            else:
                parts.append(self.operand())
            if len(signs) > 1 or (margin is not None and (len(parts) > 1 or self._goes_on())):
                raise ExpressionError(
                    f"expression {self.text!r} can be read in more than one way; write parentheses, "
                    "such as (A | B) - C or A - (B + 5mm)"
                )
        if margin is not None:
            return Margin(parts[0], margin)
        (only,) = signs or {""}
        return parts[0] if only == "" else Combined(only, tuple(parts))  # type: ignore[arg-type]  # one of three signs

    def _goes_on(self) -> bool:
        found = _SIGN.match(self.text, self.at)
        return found is not None and found.group(1) in "|&+-"

    def operand(self) -> Expression:
        if self.taken("("):
            found = self.whole()
            self._need(")", "a closing parenthesis")
            return found
        name = _NAME.match(self.text, self.at)
        if name is None:
            raise self.wrong("the name of a structure")
        self.at = name.end()
        if name.group(1) == "ring" and self.taken("("):
            return self.ring()
        return Name(name.group(1))

    def ring(self) -> Ring:
        part = self.whole()
        self._need(",", "a comma and the inner distance, as in ring(PTV, 10mm, 30mm),")
        inner_mm = self.length()
        self._need(",", "a comma and the outer distance, as in ring(PTV, 10mm, 30mm),")
        outer_mm = self.length()
        self._need(")", "a closing parenthesis")
        if inner_mm >= outer_mm:
            raise ExpressionError(f"expression {self.text!r}: a ring has its smaller distance first")
        return Ring(part, inner_mm, outer_mm)

    def length(self) -> float:
        found = _LENGTH.match(self.text, self.at)
        if found is None:
            raise self.wrong("a distance such as 5mm")
        if found.group(2) != "mm":
            raise ExpressionError(f"expression {self.text!r}: distances are in mm, such as {found.group(1)}mm")
        self.at = found.end()
        length_mm = float(found.group(1))
        if length_mm > FARTHEST_MM:
            raise ExpressionError(f"expression {self.text!r}: {length_mm:g} mm is more than {FARTHEST_MM:g} mm")
        return length_mm

    def _need(self, sign: str, wanted: str) -> None:
        if not self.taken(sign):
            raise self.wrong(wanted)
