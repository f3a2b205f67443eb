"""Protocols as data: TOML files, their schema, and the facts that a person declares."""

from sbrtcheck.protocol.declared import Declared
from sbrtcheck.protocol.schema import ProtocolFile, Rule

__all__ = ["Declared", "ProtocolFile", "Rule"]
