"""The format of a protocol file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

from sbrtcheck.protocol.conditions import ConditionError, parse_condition
from sbrtcheck.protocol.structures import Structures, structure_problems
from sbrtcheck.results import Limit

FACT_KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")  # a key of the file of declared facts

Kebab = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, Field(min_length=1)]
Confidence = Literal["verified", "derived", "recalled"]


def _numbers(limit: Any) -> Any:
    """Refuse what would be read as a number without being one: ``true`` as 1, ``"40"`` as 40."""
    for name in ("per_protocol", "variation"):
        if isinstance(limit, Mapping) and isinstance(limit.get(name), bool | str):
            raise ValueError(f"{name} must be a number")  # noqa: TRY004  (pydantic collects ValueErrors only)
    return limit


def _sound(limit: Limit) -> Limit:
    if limit.variation is not None:
        wider = limit.variation > limit.per_protocol if "<" in limit.op else limit.variation < limit.per_protocol
        if not wider:
            raise ValueError(f"variation {limit.variation:g} is not wider than per_protocol {limit.per_protocol:g}")
    return limit


def _readable(condition: str) -> str:
    if condition:
        parse_condition(condition, None)  # names are looked at with the whole file
    return condition


When = Annotated[str, AfterValidator(_readable)]
SoundLimit = Annotated[Limit, BeforeValidator(_numbers), AfterValidator(_sound)]
Fractions = Annotated[str, Field(pattern=r"^[1-9][0-9]?$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Source(_Table):
    """Where a number or a definition comes from.

    ``level``: ``primary`` is the document that set the value, ``secondary`` somebody's transcription of it, ``none`` no
    page at all.
    """

    id: Text
    title: Text
    url: str = ""
    level: Literal["primary", "secondary", "none"]


class Rule(_Table):
    """One criterion.

    Attributes
    ----------
    check : str
        The rule family that measures it; ``parameters`` are its own.
    section : str
        ``plan`` for what the plan files show, ``declared`` for what a person declares.
    required : bool
        Whether the section stays open while this rule is open.
    definition : str
        How the criterion is read; ``definition_is_choice`` where the source leaves that to the reader.
    limit_by_fractions : mapping
        Limits by the number of fractions, in place of ``limit``; a plan of another number is not evaluated.
    when : str
        Condition (``protocol.conditions``): where it surely does not hold, the rule is not applicable; where that is
        open, the rule is at most indeterminate.
    priority : int
        Order in which people look at rules: 1 first; 0 where none is stated. It decides nothing.
    excused_by : tuple of str
        Ids of rules on organs of the same protocol: a failure of this rule is a variation where one of them is met
        within ``excused_within_percent`` of its limit, as a coverage that was given up for an organ. Never a pass.
    contradicted_by : str
        Id of a rule of the same protocol on the plan files: where that fails, what is declared here fails as well.
    confidence : str
        How sure the criterion and its limit are: ``verified`` (seen in the source), ``derived`` (computed from
        verified values) or ``recalled`` (from memory; such a rule reports and decides nothing).
    """

    id: Kebab
    title: Text
    check: Kebab
    section: Literal["plan", "declared"] = "plan"
    required: bool = True
    parameters: dict[str, Any] = {}
    limit: SoundLimit | None = None
    limit_by_fractions: dict[Fractions, SoundLimit] = {}
    when: When = ""
    priority: Annotated[int, Strict(), Field(ge=0)] = 0
    excused_by: tuple[Kebab, ...] = ()
    excused_within_percent: Annotated[float, Field(gt=0, le=100)] | None = None
    contradicted_by: str = ""
    definition: str = ""
    definition_is_choice: bool = False
    source: Text
    confidence: Confidence

    @model_validator(mode="after")
    def _choice_is_stated(self) -> Self:
        if self.definition_is_choice and not self.definition:
            raise ValueError("definition_is_choice needs the definition that was chosen")
        return self

    @model_validator(mode="after")
    def _one_kind_of_limit(self) -> Self:
        if self.limit is not None and self.limit_by_fractions:
            raise ValueError("limit and limit_by_fractions exclude each other")
        if len({(limit.op, limit.unit) for limit in self.limit_by_fractions.values()}) > 1:
            raise ValueError("limit_by_fractions must have one op and one unit")
        if bool(self.excused_by) != (self.excused_within_percent is not None):
            raise ValueError("excused_by and excused_within_percent belong together")
        if self.contradicted_by and self.section != "declared":
            raise ValueError("contradicted_by belongs to declared rules")
        return self

    @property
    def any_limit(self) -> Limit | None:
        """The limit, or one of those by fractions: all have one op and one unit."""
        return self.limit or next(iter(self.limit_by_fractions.values()), None)


class LimitTable(_Table):
    """Limits that depend on a size, row by row.

    ``key`` names the column that is looked up; between rows the values are interpolated linearly; outside the rows the
    table says nothing and a rule that uses it is not applicable.
    """

    id: Kebab
    key: Text
    columns: tuple[Text, ...]
    rows: Annotated[tuple[tuple[Annotated[float, Strict()], ...], ...], Field(min_length=2)]
    source: Text
    confidence: Confidence

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        if self.key not in self.columns:
            raise ValueError(f"key {self.key!r} is not one of the columns")
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"rows[{number}] holds {len(row)} values for {len(self.columns)} columns")
        keys = [row[self.columns.index(self.key)] for row in self.rows]
        if any(b <= a for a, b in pairwise(keys)):
            raise ValueError(f"the values of {self.key!r} must rise from row to row")
        return self


class ProtocolTest(_Table):
    """What must come out on a phantom: verdict by rule, the worst over its subjects."""

    phantom: Kebab
    expect: Annotated[
        dict[Kebab, Literal["pass", "variation", "fail", "indeterminate", "not-evaluated", "not-applicable"]],
        Field(min_length=1),
    ]
    declared: dict[str, Any] = {}


class ProtocolFile(_Table):
    """One protocol.

    ``include`` names protocols that are checked along with it; ``when`` is a condition of all its rules, and so says to
    which plans it applies; ``structures`` says what its names stand for; ``test`` says what must come out on phantoms.
    """

    schema_: Literal["sbrtcheck-protocol/1"] = Field(alias="schema")
    id: Kebab
    title: Text
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    record_date: str = ""
    status: str = ""
    summary: str = ""
    include: tuple[Text, ...] = ()
    when: When = ""
    structures: Structures = {}
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    tables: tuple[LimitTable, ...] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    test: tuple[ProtocolTest, ...] = ()

    @model_validator(mode="after")
    def _linked(self) -> Self:
        problems = link_problems(self.model_dump(include={"when", "structures", "sources", "tables", "rules", "test"}))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def link_problems(data: Mapping[str, Any]) -> list[str]:
    """Return what is wrong between the parts of a protocol file: ids that stand twice, sources that are not there.

    ``data`` need not be valid otherwise, so that these problems are reported together with those of the parts.
    """
    sources, problems = _entries(data, "sources"), []
    levels = {str(source.get("id")): source.get("level") for _, source in sources}
    for what in ("sources", "tables", "rules"):
        seen = set[str]()
        for number, entry in _entries(data, what):
            name = str(entry.get("id", ""))
            problems += [f"{what}[{number}].id: the id {name!r} stands twice"] if name and name in seen else []
            seen.add(name)
    for what in ("tables", "rules"):
        for number, entry in _entries(data, what):
            problems += _about_source(entry, levels, f"{what}[{number}]")
    rules = {str(rule.get("id")) for _, rule in _entries(data, "rules")}
    for number, rule in _entries(data, "rules"):
        excused = rule.get("excused_by", ())
        named = excused if isinstance(excused, list | tuple) else ()
        problems += [f"rules[{number}].excused_by: no rule {name!r}" for name in named if str(name) not in rules]
        other = rule.get("contradicted_by", "")
        if other and other not in rules:
            problems.append(f"rules[{number}].contradicted_by: no rule {other!r}")
    for number, test in _entries(data, "test"):
        expected = test.get("expect", {})
        wanted = list(expected) if isinstance(expected, Mapping) else []
        problems += [f"test[{number}].expect: no rule {name!r}" for name in wanted if str(name) not in rules]
    return [*problems, *structure_problems(data), *_condition_problems(data)]


def _condition_problems(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the conditions that name structures of nobody; what cannot be read at all is told of elsewhere."""
    structures = data.get("structures")
    own = set(structures) if isinstance(structures, Mapping) else set()
    for path, entry in (("", data), *((f"rules[{number}].", rule) for number, rule in _entries(data, "rules"))):
        when = entry.get("when")
        if not isinstance(when, str) or not when:
            continue
        try:
            parse_condition(when, None)
        except ConditionError:
            continue
        try:
            parse_condition(when, own)
        except ConditionError as unknown:
            yield f"{path}when: {unknown}"


def _about_source(entry: Mapping[str, Any], levels: Mapping[str, Any], path: str) -> Iterator[str]:
    source = entry.get("source")
    if not isinstance(source, str):
        return  # missing or no text: reported with the entry itself
    if source not in levels:
        yield f"{path}.source: no source {source!r}"
    elif levels[source] == "none" and entry.get("confidence") == "verified":
        yield f"{path}.confidence: source {source!r} is no page (level none), so nobody can have seen the value there"


def _entries(data: Mapping[str, Any], what: str) -> Sequence[tuple[int, Mapping[str, Any]]]:
    found = data.get(what, ())
    listed = found if isinstance(found, list | tuple) else ()
    return [(number, entry) for number, entry in enumerate(listed) if isinstance(entry, Mapping)]
