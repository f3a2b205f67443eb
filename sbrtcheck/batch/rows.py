"""What the store keeps of one plan: taken from its report in the worker, which has the time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sbrtcheck.results import PlanReport, Verdict

_SIZES = (("volume_cc", "cc"), ("longest_axial_diameter_mm", "mm"), ("longest_3d_diameter_mm", "mm"))
# Worst first, as people are to look at them; a plan that could not be read asks for attention before one that is open.
ORDER = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.NOT_EVALUATED,
    Verdict.INDETERMINATE,
    Verdict.VARIATION,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True)
class PlanRows:
    """Rows of one plan, without the id of its submission.

    Attributes
    ----------
    verdict, declared_verdict, overall : str
        Of the plan section, of the declared section, and the worse of both.
    rules : tuple
        (protocol, rule, section, subject, verdict, value, low, high, unit, op, limit, margin, share, reason), in the
        order of the report; ``share`` is the margin as a share of the limit, by which different rules are compared.
    measurements : tuple
        (lesion, name, value, low, high, unit).
    inputs : tuple
        (uid, modality, sha256, used, files); slices of CT stand in one row with a common hash.
    created : str
        When the plan was made, as its file states it.
    """

    verdict: str
    declared_verdict: str
    overall: str
    plan_uid: str = ""
    label: str = ""
    rules: tuple[tuple[object, ...], ...] = ()
    measurements: tuple[tuple[object, ...], ...] = ()
    inputs: tuple[tuple[object, ...], ...] = ()
    created: str = ""

    @property
    def closest(self) -> float | None:
        """The smallest margin, as a share of its limit; None where there is none."""
        shares = [share for *_, share, _ in self.rules if isinstance(share, float)]
        return min(shares, default=None)

    @property
    def why(self) -> str:
        """The rules that have the verdict of the plan, by name."""
        return ", ".join(sorted({str(rule) for _, rule, _, _, verdict, *_ in self.rules if verdict == self.overall}))


NO_REPORT = PlanRows(Verdict.ERROR, Verdict.NOT_EVALUATED, Verdict.ERROR)


def rows_of(report: PlanReport) -> PlanRows:
    """Return the rows of a report."""
    return PlanRows(
        verdict=report.verdict,
        declared_verdict=report.declared_verdict,
        overall=worse(report.verdict, report.declared_verdict),
        plan_uid=report.plan.sop_instance_uid,
        label=report.plan.label,
        rules=tuple(_rules(report)),
        measurements=tuple(
            (lesion.id, name, found.value, found.low, found.high, unit)
            for lesion in report.lesions
            for name, unit in _SIZES
            if (found := getattr(lesion, name)) is not None
        ),
        inputs=tuple(_inputs(report)),
        created=report.plan.created,
    )


def worse(plan: Verdict, declared: Verdict) -> Verdict:
    """Return the worse of the two sections; one without rules has no say.

    Examples
    --------
    >>> str(worse(Verdict.PASS, Verdict.NOT_EVALUATED)), str(worse(Verdict.PASS, Verdict.NOT_APPLICABLE))
    ('not-evaluated', 'pass')
    """
    return min((plan, declared), key=ORDER.index)


def _rules(report: PlanReport) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for result in report.results:
        measured, limit = result.measured, result.limit
        share = None
        if limit is not None and result.margin is not None and limit.per_protocol:
            share = result.margin / abs(limit.per_protocol)
        found.append(
            (
                result.protocol,
                result.rule,
                result.section,
                result.subject,
                str(result.verdict),
                *((measured.value, measured.low, measured.high) if measured else (None, None, None)),
                result.unit,
                limit.op if limit else "",
                limit.per_protocol if limit else None,
                result.margin,
                share,
                result.reason,
            )
        )
    return found


def _inputs(report: PlanReport) -> list[tuple[object, ...]]:
    slices = [one for one in report.inputs if one.modality == "CT"]
    rest = [one for one in report.inputs if one.modality != "CT"]
    rows: list[tuple[object, ...]] = [
        (one.sop_instance_uid, one.modality, one.sha256, int(one.used), 1) for one in rest
    ]
    if slices:
        common = hashlib.sha256("".join(sorted(one.sha256 for one in slices)).encode()).hexdigest()
        rows.append(("", "CT", common, int(any(one.used for one in slices)), len(slices)))
    return rows
