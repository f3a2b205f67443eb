"""ROI names as text: folding of case and accents, tokens, words for left and right."""

from __future__ import annotations

import re
import unicodedata

_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^0-9a-z!]+")
# Every hyphen, dash and minus sign of Unicode is the one on the keyboard.
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE63, 0xFF0D], "-")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def plain(text: str) -> str:
    """Return the text without accents, with plain dashes; composed and decomposed spellings come to the same.

    Text whose bytes were read in a wrong character set is left as it is: what it was is not guessed.

    Examples
    --------
    >>> plain("Œsophage"), plain("Hüftkopf"), plain("PTV–GTV")
    ('OEsophage', 'Huftkopf', 'PTV-GTV')
    """
    spelt_out = text.replace("œ", "oe").replace("Œ", "OE").translate(_DASHES)
    decomposed = unicodedata.normalize("NFKD", spelt_out)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def fold(text: str) -> str:
    """Return the text without accents and case.

    Examples
    --------
    >>> fold("Œsophage"), fold("Hüftkopf")
    ('oesophage', 'huftkopf')
    """
    return plain(text).casefold()


def with_e(text: str) -> str:
    """Return German text with its umlauts written out.

    Examples
    --------
    >>> with_e("Dünndarm")
    'Duenndarm'
    """
    return unicodedata.normalize("NFC", text).translate(_UMLAUTS)


def key(text: str) -> str:
    """Return letters and digits only, folded; two spellings of one name have one key.

    A single letter at the end stays apart: ``Esophagus_S`` is not ``Esophaguss``.

    Examples
    --------
    >>> key("Lung_L") == key("lung l") == key("LUNG-L")
    True
    """
    words = tokens(text)
    joint = "_" if len(words) > 1 and len(words[-1]) == 1 else ""
    return "".join(words[:-1]) + joint + "".join(words[-1:])


def tokens(text: str) -> tuple[str, ...]:
    """Split a name at spaces, signs and changes from small to capital letters, folded.

    Examples
    --------
    >>> tokens("LtLung"), tokens("PTV poumon D 45Gy")
    (('lt', 'lung'), ('ptv', 'poumon', 'd', '45gy'))
    """
    return tuple(t for t in _NOT_WORD.split(_BOUNDARY.sub(" ", plain(text)).casefold()) if t)
