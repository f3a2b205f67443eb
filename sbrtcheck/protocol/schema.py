"""The format of a protocol file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sbrtcheck.results import Limit

Kebab = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Confidence = Literal["verified", "recalled", "derived"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Table):
    """Where a number or a definition comes from."""

    id: str
    title: str
    url: str = ""
    level: Literal["primary", "secondary", "none"]


class Rule(_Table):
    """One criterion."""

    id: Kebab
    title: str
    check: Kebab
    section: Literal["plan", "declared"] = "plan"
    required: bool = True
    parameters: dict[str, Any] = {}
    limit: Limit | None = None
    definition: str = ""
    definition_is_choice: bool = False
    source: str
    confidence: Confidence


class LimitTable(_Table):
    """Limits that depend on a size, row by row.

    ``key`` names the column that is looked up; between rows the values are interpolated linearly; outside the rows the
    table says nothing and the rule is not applicable.
    """

    id: Kebab
    key: str
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    source: str
    confidence: Confidence


class ProtocolFile(_Table):
    """One protocol."""

    schema_: Literal["sbrtcheck-protocol/1"] = Field(alias="schema")
    id: Kebab
    title: str
    version: str
    record_date: str = ""
    status: str = ""
    summary: str = ""
    sources: tuple[Source, ...]
    tables: tuple[LimitTable, ...] = ()
    rules: tuple[Rule, ...]
