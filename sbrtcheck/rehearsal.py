"""Protocols tried on phantoms: what their ``[[test]]`` entries say must come out."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sbrtcheck.phantom import write_phantom
from sbrtcheck.pipeline import check
from sbrtcheck.protocol.loading import LoadedProtocol, load_protocol
from sbrtcheck.protocol.schema import ProtocolTest
from sbrtcheck.results import PlanReport, Verdict

_WORST_FIRST = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.NOT_EVALUATED,
    Verdict.INDETERMINATE,
    Verdict.VARIATION,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule on one phantom: what was expected, and what came out (the worst over its subjects)."""

    phantom: str
    rule: str
    expected: str
    found: str
    reason: str

    @property
    def as_expected(self) -> bool:
        """Whether both are the same."""
        return self.expected == self.found


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the tests of one protocol gave.

    Attributes
    ----------
    tried : tuple of Tried
    untested : tuple of str
        Rules that no test speaks of.
    """

    protocol: str
    tried: tuple[Tried, ...]
    untested: tuple[str, ...]

    @property
    def as_expected(self) -> bool:
        """Whether all came out as expected."""
        return all(one.as_expected for one in self.tried)


def rehearse(name: str | Path, step: Callable[[str], None] = lambda text: None) -> Rehearsal:
    """Run the tests of a protocol, each on its phantom.

    Parameters
    ----------
    name : str or Path
        Library id or TOML file.
    step : callable
        Called with the phantom that is tried.

    Raises
    ------
    SbrtcheckError
        If the protocol cannot be used, or there is no such phantom.
    """
    loaded = load_protocol(name)
    tried: list[Tried] = []
    with tempfile.TemporaryDirectory(prefix="sbrtcheck-") as aside:
        for number, test in enumerate(loaded.file.test):
            step(test.phantom)
            folder = Path(aside, str(number))
            write_phantom(test.phantom, folder)
            tried += _compared(loaded, test, _checked(name, test, folder))
    spoken_of = {rule for test in loaded.file.test for rule in test.expect}
    untested = tuple(rule.id for rule in loaded.file.rules if rule.id not in spoken_of)
    return Rehearsal(loaded.file.id, tuple(tried), untested)


def _checked(name: str | Path, test: ProtocolTest, folder: Path) -> PlanReport:
    prior = [folder / "prior"] if (folder / "prior").is_dir() else []
    return check(folder / "plan", [name], prior=prior, declared=_declared(name, test, folder))


def _declared(name: str | Path, test: ProtocolTest, folder: Path) -> Path:
    """Return a file of the facts of the phantom that the protocol asks for, and of those of the test."""
    import tomli_w

    from sbrtcheck.protocol.declared import DECLARED_SCHEMA, known_keys

    own = tomllib.loads((folder / "declared.toml").read_text(encoding="utf-8")).get("facts", {})
    known = known_keys([load_protocol(name)])
    facts = {key: value for key, value in own.items() if key in known} | test.declared
    path = folder / "declared-for-test.toml"
    path.write_text(tomli_w.dumps({"schema": DECLARED_SCHEMA, "facts": facts}), encoding="utf-8")
    return path


def _compared(loaded: LoadedProtocol, test: ProtocolTest, report: PlanReport) -> list[Tried]:
    found = []
    for rule, expected in test.expect.items():
        results = [r for r in report.results if r.protocol == loaded.file.id and r.rule == rule]
        worst = min(results, key=lambda r: _WORST_FIRST.index(r.verdict), default=None)
        verdict, reason = (str(worst.verdict), worst.reason) if worst is not None else ("no result", "")
        found.append(Tried(test.phantom, rule, expected, verdict, reason))
    return found


def rehearsal_text(rehearsals: Sequence[Rehearsal]) -> str:
    """Return what came out, as lines; what differs with its reason."""
    lines = []
    for one in rehearsals:
        good = sum(t.as_expected for t in one.tried)
        lines.append(f"{one.protocol}: {good} of {len(one.tried)} as expected")
        for tried in one.tried:
            if not tried.as_expected:
                lines.append(f"  {tried.phantom}, {tried.rule}: {tried.found} instead of {tried.expected}")
                lines.append(f"      {tried.reason}")
        if one.untested:
            lines.append(f"  without a test: {', '.join(one.untested)}")
    return "\n".join([*lines, ""])
