"""The library as a signed table: exact, whole, and refused when a single byte differs."""

import hashlib
import hmac
import struct
from dataclasses import replace
from fractions import Fraction
from itertools import product as pairs_of
from pathlib import Path

import pytest

from host_sim.simulator_key import SIMULATOR_KEY as KEY
from pump.core.limits import RUNGS_MAX
from titra.library import INDICATIONS, RISK_FLAGS, Library, load_library
from titra.library.changes import changes
from titra.library.table import (
    MAGIC,
    SIGNATURE_BYTES,
    STRICT,
    TableError,
    compile_table,
    read_table,
    rows_of,
    table_key,
)

ROOT = Path(__file__).parents[2]
OTHER_KEY = bytes(range(32))


@pytest.fixture(scope="module")
def table(library):
    return compile_table(library, KEY)


def signed(body: bytes, key: bytes = KEY) -> bytes:
    """``body`` with the length in its head and a signature that fits."""
    body = body[:6] + struct.pack("<H", len(body)) + body[8:]
    return body + hmac.new(table_key(key), body, hashlib.sha256).digest()


@pytest.mark.req("M19")
def test_a_rate_stands_there_as_worked_by_hand(table):
    # gammagard-liquid, pi: 0.8 mg/kg/min is below 0.5 mL/kg/h of 100 mg/mL (0.833), and
    # 0.8 x 60 x 1000 = 48 000 ug/kg/h.  bivigam at risk: < 2 mg/kg/min.
    rows = {row.key: row for row in read_table(table, KEY)}
    (pi,) = (row for row in rows["gammagard-liquid"].indications if row.key == "pi")
    assert (pi.rungs[0].rate.ug_kg_h, pi.rungs[0].dwell_s) == (48_000, 1800)
    (bivigam,) = rows["bivigam"].indications
    assert {(rate.ug_kg_h, rate.strict) for rate in bivigam.risk} == {(120_000, True)}
    assert struct.pack("<I", 120_000 | STRICT) in table
    assert rows["carimune-nf"].first_infusion_mg_ml == (30,)


@pytest.mark.req("M19", "L14")
def test_every_rate_of_the_table_is_the_librarys_at_every_weight(library, table):
    compared = 0
    for row in read_table(table, KEY):
        product = library.products[row.key]
        for use in row.indications:
            indication = product.indications[use.key]
            limits = [
                (indication.maximum, use.maximum),
                *((indication.risk[flag], rate) for flag, rate in zip(RISK_FLAGS, use.risk,
                                                                      strict=True)),
                *((step.rate, rung.rate) for step, rung in zip(indication.ladder, use.rungs,
                                                               strict=True)),
            ]  # fmt: skip
            for mg_ml, kg in pairs_of(product.concentrations_mg_ml, range(30, 201, 7)):
                for printed, rate in limits:
                    exact = printed.rate_ul_h(kg * 1000, Fraction(mg_ml))
                    assert rate.rate_ul_h(kg * 1000, mg_ml) == exact
                    compared += 1
    assert compared > 5_000


@pytest.mark.req("M19")
def test_what_is_compiled_is_read_back_whole(library, table):
    read = read_table(table, KEY)
    assert not changes(rows_of(library), read)
    assert [row.key for row in read] == sorted(library.products)
    assert [row.name for row in read] == [
        library.products[key].name for key in sorted(library.products)
    ]
    assert compile_table(library, KEY) == table


@pytest.mark.req("M19")
def test_a_table_altered_in_any_byte_is_refused(table):
    for at in range(len(table)):
        for flip in (0x01, 0x80, 0xFF):
            altered = bytearray(table)
            altered[at] ^= flip
            with pytest.raises(TableError):
                read_table(bytes(altered), KEY)


@pytest.mark.req("M19")
def test_a_table_cut_short_or_made_longer_is_refused(table):
    for length in range(len(table)):
        with pytest.raises(TableError):
            read_table(table[:length], KEY)
    with pytest.raises(TableError, match=f"has {len(table) + 1} bytes"):
        read_table(table + b"\0", KEY)


@pytest.mark.req("M19")
def test_an_unsigned_table_and_one_of_another_key_are_refused(library, table):
    with pytest.raises(TableError, match="is not signed"):
        read_table(table[:-SIGNATURE_BYTES], KEY)
    with pytest.raises(TableError, match="another key"):
        read_table(compile_table(library, OTHER_KEY), KEY)
    with pytest.raises(TableError, match="no library table"):
        read_table(b"", KEY)
    # The device key itself, which log-ins use, signs nothing here.
    body = table[:-SIGNATURE_BYTES]
    with pytest.raises(TableError, match="another key"):
        read_table(body + hmac.new(KEY, body, hashlib.sha256).digest(), KEY)


@pytest.mark.req("M19")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda body: body + b"\0", "more than its products"),
        (lambda body: body[:-1], "malformed"),
        (lambda body: body[:4] + b"\2" + body[5:], "format 2, expected 1"),
        (lambda body: body[:5] + b"\xff" + body[6:], "malformed"),
        (lambda body: body[:8] + b"\x02\xff\xff" + body[11:], "malformed"),
        (lambda body: body[:8] + b"\xff" + body[9:], "malformed"),
    ],
)
def test_a_malformed_table_is_refused_though_its_signature_fits(table, make, message):
    with pytest.raises(TableError, match=message):
        read_table(signed(make(table[:-SIGNATURE_BYTES])), KEY)


def test_more_than_the_format_holds_is_refused_when_it_is_compiled(library):
    row = library.products["privigen"]
    with pytest.raises(TableError, match="does not fit the format"):
        compile_table(Library({"privigen": replace(row, name="x" * 300)}), KEY)
    with pytest.raises(TableError, match="does not fit the format"):
        compile_table(Library({f"p{n}": replace(row, key=f"p{n}") for n in range(300)}), KEY)


def test_a_hospitals_product_stands_in_the_table_beside_the_built_in_ones(tmp_path):
    from test_library import HOSPITAL

    (tmp_path / "house.toml").write_text(HOSPITAL)
    rows = read_table(compile_table(load_library(tmp_path), KEY), KEY)
    assert {"house", "privigen"} <= {row.key for row in rows}
    assert all(len(use.rungs) <= RUNGS_MAX for row in rows for use in row.indications)


def test_the_layout_that_is_described_is_the_layout(table):
    magic, form, count, length = struct.unpack_from("<4sBBH", table)
    assert (magic, form, count, length) == (MAGIC, 1, 11, len(table) - SIGNATURE_BYTES)
    # asceniv, the first: key, name, a liquid, one concentration of 100 mg/mL, no restriction
    # of a first infusion, 1000 and 2000 mg/kg, one indication, which is PI with own steps.
    assert table[8:].startswith(
        b"\x07asceniv\x0cAsceniv 10 %\0\1\x64\0" + struct.pack("<HH", 1000, 2000) + b"\1\0\1"
    )


def test_the_order_of_indications_and_flags_is_the_one_that_is_documented():
    text = " ".join((ROOT / "docs/library.md").read_text().split())
    assert f"0 to {len(INDICATIONS) - 1} for {', '.join(INDICATIONS)} (1)" in text
    assert f"a cap for each of {', '.join(RISK_FLAGS)}, the number" in text
