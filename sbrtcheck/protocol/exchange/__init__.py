"""Import of templates from other programs, export of protocols to them; what does not fit is listed, never dropped."""

from sbrtcheck.protocol.exchange.base import Exported, Imported, Kind, LeftOut
from sbrtcheck.protocol.exchange.exporting import ExportKind, export_protocol
from sbrtcheck.protocol.exchange.importing import import_protocol, imported, protocol_toml

__all__ = [
    "ExportKind",
    "Exported",
    "Imported",
    "Kind",
    "LeftOut",
    "export_protocol",
    "import_protocol",
    "imported",
    "protocol_toml",
]
