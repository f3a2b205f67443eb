"""What all records of the result documents share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """One part of a document; unknown fields are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )


class Document(Record):
    """A whole document."""

    def to_json(self) -> str:
        """Return the document as JSON text with a fixed key order, two spaces of indent and a final newline."""
        return self.model_dump_json(indent=2, by_alias=True) + "\n"
