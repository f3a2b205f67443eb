"""What changed between two reports of one plan, and whether it cured what was wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from sbrtcheck.results import (
    Changes,
    DrawnRecord,
    PlanReport,
    RuleChange,
    RuleKind,
    RuleResult,
    StructureChange,
    Verdict,
)

_MET: Final = {Verdict.PASS, Verdict.VARIATION}
_FAILED: Final = {Verdict.FAIL}
# Worst first, as people are to look at them.
_ORDER: Final[tuple[RuleKind, ...]] = ("new", "lost", "gone", "still", "open", "cured", "settled", "added", "value")

_Key = tuple[str, str, str, int]


def changes(old: PlanReport, new: PlanReport, *, earlier: str = "") -> Changes:
    """Return what changed from an earlier report to a later one.

    Parameters
    ----------
    old, new : PlanReport
    earlier : str
        Name of the earlier submission.

    Returns
    -------
    Changes
        Nothing for two equal reports. A rule is cured only where it failed and is met now: what is no longer asked, or
        not known any more, never is. Lesions are matched by the names of their structures, and by their own where these
        do not tell.
    """
    renamed = _lesions(old, new)
    before = _keyed(old, renamed)
    after = _keyed(new, {})
    # In the order of the later report; what only the earlier one has comes last.
    keys = [*after, *(key for key in before if key not in after)]
    found = (_changed(before.get(key), after.get(key), key[2]) for key in keys)
    rules = [change for change in found if change is not None]
    return Changes(
        earlier=earlier,
        earlier_plan=old.plan.sop_instance_uid,
        plan=new.plan.sop_instance_uid,
        verdict_before=old.verdict,
        verdict_after=new.verdict,
        declared_before=old.declared_verdict,
        declared_after=new.declared_verdict,
        rules=tuple(sorted(rules, key=lambda rule: _ORDER.index(rule.kind))),
        structures=tuple(_structures(old, new)),
        remarks=tuple(_remarks(old, new)),
    )


def _keyed(report: PlanReport, renamed: Mapping[str, str]) -> dict[_Key, RuleResult]:
    """Return results by protocol, rule and subject; those that share all three by their order."""
    found: dict[_Key, RuleResult] = {}
    for result in report.results:
        subject, number = renamed.get(result.subject, result.subject), 0
        while (key := (result.protocol, result.rule, subject, number)) in found:
            number += 1
        found[key] = result
    return found


def _changed(old: RuleResult | None, new: RuleResult | None, subject: str) -> RuleChange | None:
    kind = _kind(old, new)
    shown = new or old
    if kind is None or shown is None:
        return None
    return RuleChange(
        kind=kind,
        protocol=shown.protocol,
        rule=shown.rule,
        title=shown.title,
        section=shown.section,
        subject=subject,
        before=old.verdict if old else None,
        after=new.verdict if new else None,
        value_before=old.measured if old else None,
        value_after=new.measured if new else None,
        unit=shown.unit,
        limit=shown.limit,
    )


def _kind(old: RuleResult | None, new: RuleResult | None) -> RuleKind | None:
    if old is None or new is None:
        return "gone" if new is None else "new" if new.verdict in _FAILED else "added"
    if old.verdict == new.verdict and old.verdict not in _FAILED:
        return None if old.measured == new.measured else "value"
    if new.verdict in _FAILED:
        same = old.verdict in _FAILED
        return ("still" if old.measured != new.measured else None) if same else "new"
    if new.verdict in _MET:
        return "cured" if old.verdict in _FAILED else "settled" if old.verdict not in _MET else "value"
    if old.verdict in _FAILED:
        return "open"
    return "lost" if old.verdict in _MET else "value"


def _lesions(old: PlanReport, new: PlanReport) -> dict[str, str]:
    """Return the later id of each earlier lesion whose structures have the same names."""
    theirs = _by_names(new)
    return {id_: theirs[names] for names, id_ in _by_names(old).items() if names in theirs}


def _by_names(report: PlanReport) -> dict[tuple[str, ...], str]:
    names = {one.roi_number: one.name.strip().casefold() for one in report.structures}
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for lesion in report.lesions:
        numbers = (lesion.gtv, lesion.ctv, lesion.itv, lesion.ptv)
        found[tuple("" if n is None else names.get(n, "") for n in numbers)].append(lesion.id)
    return {key: ids[0] for key, ids in found.items() if len(ids) == 1 and any(key)}


def _structures(old: PlanReport, new: PlanReport) -> Iterator[StructureChange]:
    """Yield structures that are drawn otherwise, or called otherwise; two of one name are told apart by their order."""
    before, after = _by_name(old), _by_name(new)
    cm3 = [{curve.roi_number: curve.total_cc for curve in report.dvhs} for report in (old, new)]
    gone = [one for key, one in before.items() if key not in after]
    came = [one for key, one in after.items() if key not in before]
    for key, one in after.items():
        was = before.get(key)
        if was is not None and was.fingerprint != one.fingerprint:
            yield StructureChange(
                kind="redrawn",
                name=one.name,
                volume_before=cm3[0].get(was.roi_number),
                volume_after=cm3[1].get(one.roi_number),
            )
    for one in came:
        same = next((was for was in gone if was.fingerprint == one.fingerprint), None)
        if same is not None:
            gone.remove(same)
            yield StructureChange(kind="renamed", name=one.name, earlier_name=same.name)
        else:
            yield StructureChange(kind="added", name=one.name, volume_after=cm3[1].get(one.roi_number))
    for was in gone:
        yield StructureChange(kind="removed", name=was.name, volume_before=cm3[0].get(was.roi_number))


def _by_name(report: PlanReport) -> dict[tuple[str, int], DrawnRecord]:
    found: dict[tuple[str, int], DrawnRecord] = {}
    for one in report.structures:
        number = 0
        while (one.name, number) in found:
            number += 1
        found[one.name, number] = one
    return found


def _remarks(old: PlanReport, new: PlanReport) -> Iterator[str]:
    """Yield what may have changed a verdict besides the plan."""
    before, after = ({p.id: p for p in report.protocols} for report in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            yield f"protocol {name} was {'not applied before' if was is None else 'applied before and is not now'}"
        elif was.sha256 != now.sha256:
            versions = f" ({was.version} before, {now.version} now)" if was.version != now.version else ""
            yield f"protocol {name} is not the same file{versions}"
    if old.software.version != new.software.version:
        yield f"the program was {old.software.version} before and is {new.software.version} now"
    if old.method != new.method:
        yield "shape or dose between what the files store was read in another way"
    if bool(old.structures) != bool(new.structures):
        yield "one of the two reports lists no structures, so their outlines cannot be compared"
