"""Conditions on a case: surely true, surely false, or open; in intervals, as everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.judge.compare import compare
from sbrtcheck.metrics import parse_metric
from sbrtcheck.model import Structure
from sbrtcheck.protocol.conditions import ROLES, Comparison, Condition, Joined, Negated, Quantity
from sbrtcheck.results import Interval, Limit, Verdict


def holds(condition: Condition, derived: Derived) -> tuple[bool | None, str]:
    """Return whether a condition holds, None where that is open, and why.

    Notes
    -----
    A name that several structures bear, and a role, stand for any of them: the comparison holds where it surely holds
    for one, and fails where it surely fails for all. A structure that is not there leaves the comparison open.
    """
    match condition:
        case Negated():
            found, why = holds(condition.part, derived)
            return (None if found is None else not found), f"not ({why})"
        case Joined():
            parts = [holds(part, derived) for part in condition.parts]
            decides = condition.word == "or"
            values = [value for value, _ in parts]
            value = decides if decides in values else None if None in values else not decides
            wanted = [why for one, why in parts if one is value]
            return value, "; ".join(wanted or [why for _, why in parts])
        case Comparison():
            return _compared(condition, derived)


def limit_of(limits: Mapping[str, Limit], derived: Derived) -> Limit:
    """Return the limit for the number of fractions of the plan.

    Raises
    ------
    NotComputable
        If the number is not known, or there is no limit for it: none is interpolated.
    """
    number = fractions_of_plan(derived)
    if str(number) not in limits:
        listed = ", ".join(limits)
        raise NotComputable(
            f"the plan has {number} fractions; limits are stated for {listed}, and none is interpolated"
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


def _compared(comparison: Comparison, derived: Derived) -> tuple[bool | None, str]:
    verdicts = []
    try:
        values = _values(comparison.quantity, derived)
    except NotComputable as missing:
        return None, f"{comparison.quantity} is not known: {missing}"
    for value in values:
        try:
            verdicts.append((compare(value(), comparison.limit)[0], value()))
        except NotComputable as missing:
            return None, f"{comparison.quantity} is not known: {missing}"
    met = [v for verdict, v in verdicts if verdict is Verdict.PASS]
    open_ = [v for verdict, v in verdicts if verdict is Verdict.INDETERMINATE]
    shown = (met or open_ or [v for _, v in verdicts])[0]
    text = f"{comparison.quantity} is {shown.value:.4g}"
    if shown.low != shown.high:
        text += f" [{shown.low:.4g} to {shown.high:.4g}]"
    return (True if met else None if open_ else False), text


def _values(quantity: Quantity, derived: Derived) -> Sequence[Callable[[], Interval]]:
    match quantity.kind:
        case "Fractions":
            number = float(fractions_of_plan(derived))
            return [lambda: Interval.exact(number)]
        case "Prescription":
            doses = [derived.prescribed_gy(lesion.outermost) for lesion in derived.lesions]
            if not doses:
                raise NotComputable("no target was found")
            return [lambda dose=dose: Interval.exact(dose) for dose in doses]  # type: ignore[misc]
        case "Volume":
            return [lambda s=s: derived.volume(s) for s in _named(quantity.of[0], derived)]  # type: ignore[misc]
        case "metric":
            metric = parse_metric(quantity.metric)
            return [lambda s=s: metric.compute(s, derived) for s in _named(quantity.of[0], derived)]  # type: ignore[misc]
        case "Overlap" | "Distance":
            both = [(a, b) for a in _named(quantity.of[0], derived) for b in _named(quantity.of[1], derived)]
            if quantity.kind == "Overlap":
                return [lambda a=a, b=b: derived.overlap(a, b) for a, b in both]  # type: ignore[misc]
            return [lambda a=a, b=b: derived.separation(a, b).distance for a, b in both]  # type: ignore[misc]


def _named(name: str, derived: Derived) -> tuple[Structure, ...]:
    if name in ROLES:
        found = tuple(t.structure for t in derived.targets if t.role.role == name and t.structure.is_closed)
    else:
        found = derived.named(name)
    if not found:
        raise NotComputable(f"no structure is taken as {name}")
    return found
