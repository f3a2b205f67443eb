"""Conditions on a case: surely true, surely false, or open; in intervals, as everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from sbrtcheck.checks.named import Found, named_in
from sbrtcheck.derived import Derived
from sbrtcheck.derived.built import distance, overlap
from sbrtcheck.errors import NotComputable
from sbrtcheck.judge.compare import compare
from sbrtcheck.metrics import parse_metric
from sbrtcheck.model import Prescription
from sbrtcheck.protocol.conditions import Comparison, Condition, Joined, Negated, Quantity, parse_condition
from sbrtcheck.protocol.schema import ProtocolFile
from sbrtcheck.results import Interval, Limit, Verdict


def decided(text: str, protocol: ProtocolFile, derived: Derived) -> tuple[bool | None, str]:
    """Return whether a condition that can be read holds, as ``holds``; a fault of the program leaves it open."""
    try:
        return holds(parse_condition(text, None), protocol, derived)
    except Exception as error:  # it must not take the other rules with it, nor make a rule not applicable
        return None, f"it failed with {type(error).__name__}; this is a fault of the program, please report it"


def holds(condition: Condition, protocol: ProtocolFile, derived: Derived) -> tuple[bool | None, str]:
    """Return whether a condition of a protocol holds, None where that is open, and why.

    Notes
    -----
    A name that several structures bear, and a role, stand for any of them: the comparison holds where it surely holds
    for one, and fails where it surely fails for all. A structure that is not there leaves the comparison open.
    """
    match condition:
        case Negated():
            found, why = holds(condition.part, protocol, derived)
            return (None if found is None else not found), f"not ({why})"
        case Joined():
            parts = [holds(part, protocol, derived) for part in condition.parts]
            decides = condition.word == "or"
            values = [value for value, _ in parts]
            value = decides if decides in values else None if None in values else not decides
            wanted = [why for one, why in parts if one is value] or [why for _, why in parts]
            return value, "; ".join(dict.fromkeys(wanted))
        case Comparison():
            return _compared(condition, protocol, derived)


def limit_of(limits: Mapping[str, Limit], derived: Derived) -> Limit:
    """Return the limit for the number of fractions of the plan.

    Raises
    ------
    NotComputable
        If the number is not known, or there is no limit for it: none is interpolated.
    """
    number = fractions_of_plan(derived)
    if str(number) not in limits:
        listed, several = ", ".join(limits), "s" * (number != 1)
        raise NotComputable(
            f"the plan has {number} fraction{several}; limits are stated for {listed}, and none is interpolated"
        )
    return limits[str(number)]


def fractions_of_plan(derived: Derived) -> int:
    """Return the number of fractions of the plan; raises NotComputable where none or several are stated."""
    plan = derived.case.plan
    stated = {g.fractions for g in plan.fraction_groups} if plan is not None else set()
    stated |= {p.fractions for p in plan.prescriptions} if plan is not None else set()
    known = stated - {None}
    if len(known) != 1:
        raise NotComputable("the plan states no number of fractions, or several that differ")
    return int(known.pop() or 0)


def _compared(comparison: Comparison, protocol: ProtocolFile, derived: Derived) -> tuple[bool | None, str]:
    try:
        values = _values(comparison.quantity, protocol, derived)
    except NotComputable as missing:
        return None, f"{comparison.quantity} is not known: {missing}"
    verdicts = [(compare(value, comparison.limit)[0], value) for value in values]
    met = [v for verdict, v in verdicts if verdict is Verdict.PASS]
    open_ = [v for verdict, v in verdicts if verdict is Verdict.INDETERMINATE]
    shown = (met or open_ or [v for _, v in verdicts])[0]
    text = f"{comparison.quantity} is {shown.value:.4g}"
    if shown.low != shown.high:
        text += f" [{shown.low:.4g} to {shown.high:.4g}]"
    return (True if met else None if open_ else False), text


def _values(quantity: Quantity, protocol: ProtocolFile, derived: Derived) -> Sequence[Interval]:
    """Return the values of a quantity, at least one; raises NotComputable."""
    if quantity.kind == "metric":
        metric, found = parse_metric(quantity.metric), _named(quantity.of[0], protocol, derived)
        return [metric.compute(one.structure, one.within(derived)) for one in found]
    if quantity.kind == "Volume":
        return [one.within(derived).volume(one.structure) for one in _named(quantity.of[0], protocol, derived)]
    if quantity.kind in {"Overlap", "Distance"}:
        measure = overlap if quantity.kind == "Overlap" else distance
        both = product(*(_named(name, protocol, derived) for name in quantity.of))
        return [measure(a.built or a.structure, b.built or b.structure, derived) for a, b in both]
    return _of_plan(quantity, derived)


def _of_plan(quantity: Quantity, derived: Derived) -> Sequence[Interval]:
    match quantity.kind:
        case "Fractions":
            return [Interval.exact(float(fractions_of_plan(derived)))]
        case "Lesions":
            return [_lesions_in(quantity.of[0], derived) if quantity.of else _lesions(derived)]
        case "DosePerFraction":
            return [_dose_per_fraction(p, derived) for p in _prescriptions(derived)]
        case _:
            return [Interval.exact(p.dose_gy) for p in _prescriptions(derived)]


def _named(name: str, protocol: ProtocolFile, derived: Derived) -> tuple[Found, ...]:
    found = named_in(name, protocol, derived)
    if not found:
        raise NotComputable(f"no structure is taken as {name}")
    empty = [t.structure.where for t in derived.grouping.undrawn if t.role.role == name]
    if empty:  # what it would show is not known, so the others do not speak for all
        raise NotComputable(f"nothing measurable is drawn in {', '.join(empty)}")
    return found


def _prescriptions(derived: Derived) -> list[Prescription]:
    found = [derived.prescription(lesion.outermost) for lesion in derived.lesions]
    if not found:
        raise NotComputable("no target was found")
    return found


def _dose_per_fraction(prescription: Prescription, derived: Derived) -> Interval:
    return Interval.exact(prescription.dose_gy / (prescription.fractions or fractions_of_plan(derived)))


def _lesions(derived: Derived) -> Interval:
    count = derived.grouping.count
    if count is None:
        raise NotComputable("no target was found")
    return count


def _lesions_in(organ: str, derived: Derived) -> Interval:
    """Return the number of lesions in an organ; what may lie anywhere may lie there."""
    count, low, value, high = _lesions(derived), 0, 0, 0
    for lesion in derived.lesions:
        found = derived.organ(lesion)
        elsewhere = found.decisive and found.organ != organ
        value += found.organ == organ
        low += found.decisive and found.organ == organ and not lesion.doubtful
        high += not elsewhere
    return Interval(value, low, high + max(round(count.high - count.value), 0))
