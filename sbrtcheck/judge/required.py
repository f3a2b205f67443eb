"""Structures that a protocol requires, and what the reader is told of protocols as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sbrtcheck.checks.named import named_in
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.judge.binding import BoundRule
from sbrtcheck.judge.conditions import decided
from sbrtcheck.protocol.schema import ProtocolFile
from sbrtcheck.results import Assumption, Notice, RuleResult, Verdict

RULE = "required-structure"  # what these results are called; no rule of a file bears this id


def undrawn(protocol: ProtocolFile, derived: Derived) -> tuple[RuleResult, ...]:
    """Return one result, not evaluated, for each required structure that is not there; nothing for those that are.

    That a structure is there fulfils nothing, so it is no pass.
    """
    wanted = [name for name, structure in protocol.structures.items() if structure.required]
    if not wanted or applies(protocol, derived)[0] is False:
        return ()
    found = ((name, _missing(name, protocol, derived)) for name in wanted)
    return tuple(
        RuleResult(
            rule=RULE,
            protocol=protocol.id,
            title="Required structure",
            section="plan",
            subject=name,
            verdict=Verdict.NOT_EVALUATED,
            reason=missing,
            source=protocol.title,
        )
        for name, missing in found
        if missing
    )


def _missing(name: str, protocol: ProtocolFile, derived: Derived) -> str:
    try:
        found = named_in(name, protocol, derived)
    except NotComputable as reason:
        return str(reason)
    except Exception as error:  # as for rules: it must not take the others with it
        return f"{name} failed with {type(error).__name__}; this is a fault of the program, please report it"
    if any(one.built is not None or one.structure.is_closed for one in found):
        return ""
    return f"no structure is taken as {name}; draw it, or name it in the site file ([structures])"


def applies(protocol: ProtocolFile, derived: Derived) -> tuple[bool | None, str]:
    """Return whether a protocol applies to a plan, None where that is open, and why."""
    if not protocol.when:
        return True, ""
    return decided(protocol.when, protocol, derived)


def told_of(bound: Sequence[BoundRule], derived: Derived) -> tuple[tuple[Assumption, ...], tuple[Notice, ...]]:
    """Return what protocols took for granted, and what is odd about their use on this plan.

    Parameters
    ----------
    bound : sequence of BoundRule
    derived : Derived

    Returns
    -------
    tuple of Assumption
        Recalled values that the site file accepts, and structures taken by an alias of a protocol.
    tuple of Notice
        Protocols that do not apply or may not, and acceptances of rules that do not exist.
    """
    protocols = {one.protocol.id: one.protocol for one in bound}.values()
    assumptions = [*_accepted(bound, derived), *(a for protocol in protocols for a in _by_alias(protocol, derived))]
    notices = [*(n for protocol in protocols for n in _not_applicable(protocol, derived)), *_of_nothing(bound, derived)]
    return tuple(assumptions), tuple(notices)


def _accepted(bound: Sequence[BoundRule], derived: Derived) -> Iterator[Assumption]:
    for one in bound:
        why = derived.site.accepted.get(f"{one.protocol.id}/{one.rule.id}")
        if why and one.rule.confidence == "recalled":
            text = f"the recalled value of {one.protocol.id}/{one.rule.id} is taken as right: {why}"
            yield Assumption(topic="recalled value", text=text, overrule="[accepted]")


def _of_nothing(bound: Sequence[BoundRule], derived: Derived) -> Iterator[Notice]:
    rules = {f"{one.protocol.id}/{one.rule.id}": one.rule for one in bound}
    loaded = {one.protocol.id for one in bound}
    for name in sorted(derived.site.accepted):
        protocol, _, rule = name.partition("/")
        if protocol in loaded and name not in rules:
            message = f"the site file accepts a value of {rule!r}, and {protocol} has no such rule"
            yield Notice(code="accepted-unknown-rule", message=message, where=f"[accepted] {name}")


def _by_alias(protocol: ProtocolFile, derived: Derived) -> Iterator[Assumption]:
    for name, own in protocol.structures.items():
        if own.aliases and derived.case.structure_set is not None:
            for found in named_in(name, protocol, derived):
                if found.how:
                    yield Assumption(topic="structure", text=found.how, overrule="[structures]")


def _not_applicable(protocol: ProtocolFile, derived: Derived) -> Iterator[Notice]:
    found, why = applies(protocol, derived)
    if found is True:
        return
    what = "does not apply to this plan" if found is False else "may not apply to this plan, so it decides nothing"
    code = "protocol-not-applicable" if found is False else "protocol-perhaps-not-applicable"
    yield Notice(code=code, message=f"{protocol.id} {what} (it applies when {protocol.when}): {why}")
