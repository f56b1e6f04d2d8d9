"""The library as one signed table of integers, small enough for a board.

Format 1, little-endian, nothing padded:

| bytes | what |
|---|---|
| 4 | ``TLIB`` |
| 1 | format, 1 |
| 1 | number of products, in order of their keys |
| 2 | length of everything before the signature |
| | the products |
| 32 | HMAC-SHA256 over all of the above; its key is HMAC-SHA256(device key, ``LIBRARY``) |

A product: key and name (each a length byte and UTF-8), 1 for a powder, the concentrations in
mg/mL and those of a first infusion (each a count and a byte each), the limits of a day and of a
course in mg/kg (2 bytes each), the number of indications.

An indication: 0 to 4 for pi, cidp, itp, mmn, dm (1), 1 when rungs are an own choice (1), the
maximum, a cap for each of cardiac, renal, thrombosis, diabetes, circulation, allergy, the number
of rungs (1); a rung is a rate and its dwell in s (2).

A rate is 4 bytes: ug of protein per kg and h, rounded down, with bit 31 set for a printed ``<``.
mg/kg/min x 60 000 are ug/kg/h, so every printed figure is a whole number; of two figures that
disagree the lower stands there.  A rate of r uL/h of c mg/mL for w g of body mass keeps a limit
of L ug/kg/h when ``r * c * 1000 <= L * w``, or ``<`` with bit 31 set.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from struct import Struct, error

from pump.core.limits import RATE_RESOLUTION_UL_H, RUNGS_MAX
from titra.library.figures import Limit
from titra.library.model import INDICATIONS, RISK_FLAGS, Indication, Library, Product

MAGIC = b"TLIB"
FORMAT = 1
SIGNATURE_BYTES = 32
_HEAD = Struct("<4sBBH")
_RATE = Struct("<I")
_DWELL = Struct("<H")
_LIMITS = Struct("<HH")
STRICT = 1 << 31


class TableError(Exception):
    """The bytes are no table, or not one that the key's holder signed."""


@dataclass(frozen=True)
class Rate:
    """A limit in ug/kg/h; ``strict`` is a printed ``<``.  ``text`` is for people."""

    ug_kg_h: int
    strict: bool
    text: str = ""

    @property
    def label(self) -> str:
        """As printed, or in mg/kg/min when only the table is at hand."""
        if self.text:
            return self.text
        exact = Fraction(self.ug_kg_h, 60_000)
        return f"{'< ' if self.strict else ''}{float(exact):.6g} mg/kg/min"

    def rate_ul_h(self, weight_g: int, mg_ml: int) -> int:
        """The highest settable rate in uL/h that keeps it, rounded down to 100 uL/h."""
        steps, rest = divmod(self.ug_kg_h * weight_g, mg_ml * 1000 * RATE_RESOLUTION_UL_H)
        if self.strict and rest == 0:
            steps -= 1
        return steps * RATE_RESOLUTION_UL_H


@dataclass(frozen=True)
class Rung:
    """A step of a ladder; the dwell in s."""

    rate: Rate
    dwell_s: int


@dataclass(frozen=True)
class IndicationRow:
    """An indication as the table holds it; ``risk`` in the order of `RISK_FLAGS`."""

    key: str
    own_choice: bool
    maximum: Rate
    risk: tuple[Rate, ...]
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class ProductRow:
    """A product as the table holds it."""

    key: str
    name: str
    is_powder: bool
    concentrations_mg_ml: tuple[int, ...]
    first_infusion_mg_ml: tuple[int, ...]
    day_mg_per_kg: int
    course_mg_per_kg: int
    indications: tuple[IndicationRow, ...]


def rows_of(library: Library) -> tuple[ProductRow, ...]:
    """What a table of ``library`` holds, with the printed texts beside it."""
    return tuple(_product(library.products[key]) for key in sorted(library.products))


def _product(product: Product) -> ProductRow:
    mg_ml = Fraction(product.concentrations_mg_ml[0])
    return ProductRow(
        product.key,
        product.name,
        product.is_powder,
        product.concentrations_mg_ml,
        product.first_infusion_mg_ml,
        int(product.day_mg_per_kg),
        int(product.course_mg_per_kg),
        tuple(_indication(product.indications[key], mg_ml) for key in sorted(product.indications)),
    )


def _indication(indication: Indication, mg_ml: Fraction) -> IndicationRow:
    return IndicationRow(
        indication.key,
        indication.ladder_source != "label",
        _rate(indication.maximum, mg_ml),
        tuple(_rate(indication.risk[flag], mg_ml) for flag in RISK_FLAGS),
        tuple(Rung(_rate(step.rate, mg_ml), step.dwell_ms // 1000) for step in indication.ladder),
    )


def _rate(limit: Limit, mg_ml: Fraction) -> Rate:
    # Any concentration gives the same: a figure in mL comes with one concentration only.
    figure = limit.binding(mg_ml)
    return Rate(int(figure.ul_h(1000, mg_ml) * mg_ml), figure.strict, str(limit))


# --- bytes --------------------------------------------------------------------------------


def table_key(device_key: bytes) -> bytes:
    """The key that signs tables: HMAC-SHA256(device key, ``LIBRARY``), so that no signature of
    a table answers a log-in."""
    return hmac.new(device_key, b"LIBRARY", hashlib.sha256).digest()


def compile_table(library: Library, device_key: bytes) -> bytes:
    """The signed table of ``library``; the same library and key give the same bytes.

    Raises `TableError` when there is more than the format holds.
    """
    try:
        rows = rows_of(library)
        body = b"".join(_product_bytes(row) for row in rows)
        signed = _HEAD.pack(MAGIC, FORMAT, len(rows), _HEAD.size + len(body)) + body
    except (error, ValueError) as fault:
        raise TableError(f"does not fit the format: {fault}") from None
    return signed + _signature(signed, device_key)


def _signature(signed: bytes, device_key: bytes) -> bytes:
    return hmac.new(table_key(device_key), signed, hashlib.sha256).digest()


def _text(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


def _counted(values: Iterable[int]) -> bytes:
    raw = bytes(values)
    return bytes([len(raw)]) + raw


def _rate_bytes(rate: Rate) -> bytes:
    if not 0 < rate.ug_kg_h < STRICT:
        raise ValueError(f"rate {rate.label}")
    return _RATE.pack(rate.ug_kg_h | (STRICT if rate.strict else 0))


def _product_bytes(row: ProductRow) -> bytes:
    raw = _text(row.key) + _text(row.name) + bytes([row.is_powder])
    raw += _counted(row.concentrations_mg_ml) + _counted(row.first_infusion_mg_ml)
    raw += _LIMITS.pack(row.day_mg_per_kg, row.course_mg_per_kg) + bytes([len(row.indications)])
    for indication in row.indications:
        raw += bytes([INDICATIONS.index(indication.key), indication.own_choice])
        raw += _rate_bytes(indication.maximum) + b"".join(map(_rate_bytes, indication.risk))
        raw += bytes([len(indication.rungs)])
        for rung in indication.rungs:
            raw += _rate_bytes(rung.rate) + _DWELL.pack(rung.dwell_s)
    return raw


def read_table(raw: bytes, device_key: bytes) -> tuple[ProductRow, ...]:
    """The rows of a signed table.  Nothing of it is believed before the signature is.

    Raises `TableError`: no table, unsigned, altered, or signed with another key.
    """
    if len(raw) < _HEAD.size or raw[:4] != MAGIC:
        raise TableError("is no library table (it does not begin with TLIB)")
    _, form, count, length = _HEAD.unpack_from(raw)
    if form != FORMAT:
        raise TableError(f"has format {form}, expected {FORMAT}")
    if len(raw) == length:
        raise TableError("is not signed")
    if length < _HEAD.size or len(raw) != length + SIGNATURE_BYTES:
        raise TableError(f"has {len(raw)} bytes, expected {length + SIGNATURE_BYTES}")
    if not hmac.compare_digest(raw[length:], _signature(raw[:length], device_key)):
        raise TableError("has a signature that does not fit: altered, or signed with another key")
    reader = _Reader(raw[:length], _HEAD.size)
    try:
        rows = tuple(reader.product() for _ in range(count))
    except (error, IndexError, UnicodeDecodeError) as fault:
        raise TableError(f"is signed, but malformed: {fault}") from None
    if reader.at != length:
        raise TableError("is signed, but holds more than its products")
    return rows


class _Reader:
    def __init__(self, raw: bytes, at: int):
        self.raw = raw
        self.at = at

    def _unpack(self, struct: Struct) -> tuple[int, ...]:
        values = struct.unpack_from(self.raw, self.at)
        self.at += struct.size
        return values

    def _byte(self) -> int:
        value = self.raw[self.at]
        self.at += 1
        return value

    def _bytes(self) -> bytes:
        count = self._byte()
        raw = self.raw[self.at : self.at + count]
        if len(raw) < count:
            raise IndexError("it ends early")
        self.at += count
        return raw

    def _rate(self) -> Rate:
        (value,) = self._unpack(_RATE)
        return Rate(value & ~STRICT, bool(value & STRICT))

    def product(self) -> ProductRow:
        key, name = self._bytes().decode(), self._bytes().decode()
        is_powder = bool(self._byte())
        concentrations, first = tuple(self._bytes()), tuple(self._bytes())
        day, course = self._unpack(_LIMITS)
        indications = tuple(self._indication() for _ in range(self._byte()))
        return ProductRow(key, name, is_powder, concentrations, first, day, course, indications)

    def _indication(self) -> IndicationRow:
        key, own_choice = INDICATIONS[self._byte()], bool(self._byte())
        maximum = self._rate()
        risk = tuple(self._rate() for _ in RISK_FLAGS)
        count = self._byte()
        if not 1 <= count <= RUNGS_MAX:
            raise IndexError(f"{count} rungs")
        rungs = tuple(Rung(self._rate(), self._unpack(_DWELL)[0]) for _ in range(count))
        return IndicationRow(key, own_choice, maximum, risk, rungs)
