"""ERP files to records: the formats say the same, faults are named exactly, memory stays bounded."""

# ruff: noqa: E501 - the errors' exact texts
from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from beleg.directory import Group, reference_entry
from beleg.errors import InputError
from beleg.importer import check_files, read_files, read_mapping
from beleg.keys import reference_key
from beleg.plugins import installed
from beleg.record import Link, Record, RecordRef, Reference
from beleg.store.database import Database
from beleg.store.directory import SqlDirectory
from beleg.store.records import import_records

TYPES = installed().types
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "erp" / "adventureworks-lt"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # so that errors name files as short as people do


def write(name: str, data: str | bytes) -> Path:
    path = Path(name)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read(name: str, data: str | bytes, **options: Any) -> list[Record]:
    if isinstance(mapping := options.get("mapping"), str):
        options["mapping"] = read_mapping(write("map.yaml", mapping), TYPES)
    return list(read_files([write(name, data)], TYPES, **options))


def fault(name: str, data: str | bytes, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        read(name, data, **options)
    return str(error.value)


# --- the formats ---------------------------------------------------------------------------------------------

ORDERS_YAML = """\
orders:
  - id: O-81
    number: 00123
    name: Lampen
    customer: K-5
    offer: AN-7
    addresses: [billing@kunde.example, "Jürgen@bücher.example"]
    references:
      marketplace: 302-1234567-1234567
      invoice: [RE-7700, RE-7800]
    articles: [A-1, A-1]
    links: {invoice: R-1}
  - {id: 12, number: 12:30, customer: ~, offer: null, addresses: }
"""
ORDERS_JSON = """\
{"orders": [
  {"id": "O-81", "number": "00123", "name": "Lampen", "customer": "K-5", "offer": "AN-7",
   "addresses": ["billing@kunde.example", "J\\u00fcrgen@bücher.example"],
   "references": {"marketplace": "302-1234567-1234567", "invoice": ["RE-7700", "RE-7800"]},
   "articles": ["A-1", "A-1"], "links": {"invoice": "R-1"}},
  {"id": 12, "number": "12:30", "customer": null}
]}
"""
HEAD = "id;number;name;customer;offer;addresses;references.marketplace;references.invoice;articles;links.invoice"
ORDERS_CSV = f"""\
{HEAD}
O-81;00123;Lampen;K-5;AN-7;billing@kunde.example|Jürgen@bücher.example;302-1234567-1234567;RE-7700|RE-7800;A-1|A-1;R-1

12; 12:30 ;;;;;;;;
"""
ORDERS = [
    Record(
        RecordRef("order", "O-81"),
        "00123",
        "Lampen",
        None,
        ("billing@kunde.example", "Jürgen@bücher.example"),
        (
            Reference("marketplace", "302-1234567-1234567"),
            Reference("invoice", "RE-7700"),
            Reference("invoice", "RE-7800"),
        ),
        (
            Link("customer", RecordRef("contact", "K-5")),
            Link("offer", RecordRef("offer", "AN-7")),
            Link("article", RecordRef("article", "A-1")),
            Link("article", RecordRef("article", "A-1")),
            Link("invoice", RecordRef("invoice", "R-1")),
        ),
    ),
    Record(RecordRef("order", "12"), "12:30"),
]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.yaml", ORDERS_YAML),
        ("a.yml", ORDERS_YAML.encode("utf-16")),
        ("a.yaml", "erp:\n" + "".join(f"  {line}\n" for line in ORDERS_YAML.splitlines())),
        ("a.json", ORDERS_JSON),
        ("a.json", b"\xef\xbb\xbf" + ORDERS_JSON.replace("\n", "\r\n").encode()),
        ("a.json", f'{{"erp": {ORDERS_JSON}}}'),
        ("orders.csv", ORDERS_CSV),
        ("order.CSV", ORDERS_CSV.replace("\n", "\r\n")),
        ("orders.txt", ORDERS_CSV.replace("\n", "\r")),
        ("orders.csv", ORDERS_CSV.replace(";", ",")),
        ("orders.tsv", ORDERS_CSV.replace(";", "\t")),
        ("orders.txt", ORDERS_CSV.replace(";", "\t")),
        ("orders.csv", b"\xef\xbb\xbf" + ORDERS_CSV.encode()),
        ("orders.csv", ORDERS_CSV.encode("utf-16")),
        ("orders.csv", ORDERS_CSV.encode("utf-16-le")),
        ("orders.csv", ORDERS_CSV.encode("utf-16-be")),
        ("orders.csv", ORDERS_CSV.encode("utf-32")),
        ("orders.csv", ORDERS_CSV.encode("iso-8859-1")),
    ],
)
def test_all_formats_say_the_same(name: str, data: str | bytes) -> None:
    assert read(name, data) == ORDERS


def test_the_order_of_keys_changes_no_record() -> None:
    assert read("a.yaml", "orders:\n- {articles: [A], customer: K, id: 1}\n") == read(
        "b.yaml", "orders:\n- {id: 1, customer: K, articles: [A]}\n"
    )


def test_every_type_and_rows_that_name_their_own() -> None:
    records = read(
        "a.yaml",
        "contacts:\n- {id: K}\n- {id: L, status: inactive}\nrecords:\n"
        "- {type: invoice, id: R, number: RE-1, customer: K, articles: [A], links: {order: O-81}}\n---\n"
        "articles: [{id: A, name: Lampe}]\noffers:\n",
    )
    assert [(str(record.ref), record.status) for record in records] == [
        ("contact:K", "active"),
        ("contact:L", "inactive"),
        ("invoice:R", None),
        ("article:A", None),
    ]
    assert records[2].links == (
        Link("customer", RecordRef("contact", "K")),
        Link("article", RecordRef("article", "A")),
        Link("order", RecordRef("order", "O-81")),
    )
    assert read("b.csv", "type,id,customer\ninvoice,R,K\n", type_="records") == [
        Record(RecordRef("invoice", "R"), links=(Link("customer", RecordRef("contact", "K")),))
    ]


def test_a_link_may_say_what_type_it_points_at() -> None:
    links = (Link("paid_by", RecordRef("contact", "K")), Link("paid_by", RecordRef("paid_by", "L")))
    (record,) = read("a.yaml", "orders: [{id: 1, links: {paid_by: [{type: contact, id: K}, L]}}]")
    assert record.links == links
    (record,) = read("a.json", '{"orders": [{"id": 1, "links": {"paid_by": [{"type": "contact", "id": "K"}, "L"]}}]}')
    assert record.links == links


def test_numbers_in_json_are_taken_as_they_are_written() -> None:
    (record,) = read("a.json", '{"orders": [{"id": 10000000000000000000001, "number": 1.50, "name": -1E3}]}')
    assert (record.ref.id, record.number, record.label) == ("10000000000000000000001", "1.50", "-1E3")


def test_nothing_is_no_record_and_no_error() -> None:
    for name, data in (
        ("a.yaml", ""), ("a.yaml", "# nothing\n"), ("a.yaml", "erp:\n"), ("a.yaml", "orders:\n"),
        ("a.json", " \n"), ("a.json", "null"), ("a.json", '{"erp": null}'), ("a.json", '{"orders": null}'),
        ("orders.csv", "id,number\n"), ("orders.csv", "\n\nid\n\n  \n"),
    ):  # fmt: skip
        assert read(name, data) == []


# --- CSV -----------------------------------------------------------------------------------------------------


def labels(data: str | bytes, name: str = "articles.csv", **options: Any) -> list[str | None]:
    return [record.label for record in read(name, data, **options)]


def test_quotes_line_breaks_and_delimiters_in_cells() -> None:
    assert labels('id,name\n1,"a, ""b""\nc"\n2,d"e\n') == ['a, "b"\nc', 'd"e']
    assert labels('id|+|name\n1|+|"a|+|\nb"\n2|+|c|d+\n', delimiter="|+|") == ["a|+|\nb", "c|d+"]
    assert labels("id\tname\n1\ta;b\n", delimiter="\\t") == labels("id\tname\n1\ta;b\n", delimiter="tab") == ["a;b"]


def test_delimiters_are_told_by_the_columns() -> None:
    assert labels('id|name\n1|"a;b"\n') == ["a;b"]
    assert read("orders.csv", "id,addresses\n1,a@x|b@x\n")[0].addresses == ("a@x", "b@x")
    assert read("orders.csv", "id|addresses\n1|a@x\n")[0].addresses == ("a@x",)
    assert labels("id\n1\n") == [None]


def test_trailing_delimiters_blank_lines_and_nul_are_passed_over() -> None:
    assert labels("\nid;name;;\n1;a;;\n;;;\n \n2;b;;;;\n3;\0c\0;;\n") == ["a", "b", "c"]


def test_encodings_are_detected_or_given() -> None:
    names = "id;name\n1;Jürgen Müller\n2;Straße 5\n3;Łódź\n"
    assert labels(names.encode()) == ["Jürgen Müller", "Straße 5", "Łódź"]
    western = names.replace("Łódź", "5 €")
    assert labels(western.encode("cp1252")) == ["Jürgen Müller", "Straße 5", "5 €"]
    for name in ("Müller", "30 °C – „Spül“ isn’t", "François", "Ærøskøbing", "Ĺódź, Łódź", "Žluťoučký kůň"):
        for encoding in ("cp1252", "cp850", "cp1250", "iso8859-1"):
            try:
                data = f"id;name\n1;{name}\n".encode(encoding)
            except UnicodeEncodeError:
                continue
            assert labels(data, encoding=encoding) == [name]
            if encoding in ("cp1252", "iso8859-1"):
                assert labels(data) == [name]
    for encoding in ("cp850", "cp1251"):
        name = "Jürgen Müller; Köln; Straße" if encoding == "cp850" else "Иван Петров; Москва; улица"
        assert labels(f"id,name\n1,{name}\n".encode(encoding)) == [name]
    unclear = b"id;name\n" + b"1;\x81\x8d\x8f\x90\x9d\x98\xd2\xae\n"
    assert fault("articles.csv", unclear) == (
        "articles.csv: the file is no UTF-8, and its encoding can't be told; give it: --encoding ISO-8859-1, "
        "for example"
    )
    late = "id;name\n" + "1;a\n" * 200_000 + "2;ü\n"
    assert labels(late.encode("latin-1"))[-1] == "ü"


# --- the mapping ---------------------------------------------------------------------------------------------

EXPORT = "Nr;Kd;Vor;Nach;Stat;M1;M2\n1;K;Anna;Kunde;1;a@x;NULL\n2;;;;0;b@x,c@x;d@x\n3;L;;Lang;9;;\n"
EXPORT_MAP = """\
defaults: {nulls: ['NULL']}
files:
  exp-*.csv:
    type: contacts
    list_separator: ","
    where: {Stat: [0, 1]}
    fields:
      id: Nr
      name: "{Vor}  {Nach}!"
      number: {value: fixed}
      status: {column: Stat, values: {0: inactive, 1: active}}
      addresses: [M1, M2, "{Nr}@shop"]
      references.old: Kd
      links.owner: {value: O}
"""


def test_a_mapping_translates_columns_and_values() -> None:
    assert read("exp-2026-01.csv", EXPORT, mapping=EXPORT_MAP) == [
        Record(
            RecordRef("contact", "1"), "fixed", "Anna Kunde!", "active", ("a@x", "1@shop"),
            (Reference("old", "K"),), (Link("owner", RecordRef("owner", "O")),),
        ),
        Record(
            RecordRef("contact", "2"), "fixed", None, "inactive", ("b@x", "c@x", "d@x", "2@shop"),
            (), (Link("owner", RecordRef("owner", "O")),),
        ),
    ]  # fmt: skip


def test_columns_of_a_mapping_stand_for_the_header_line() -> None:
    entry = "files: {a.dat: {type: order, columns: [id, number], header: %s}}"
    assert [r.ref.id for r in read("a.dat", "1;2\n3;4\n", mapping=entry % "false")] == ["1", "3"]
    assert [r.ref.id for r in read("a.dat", "1;2\n3;4\n", mapping=entry % "true")] == ["3"]


def test_what_the_command_line_gives_goes_before_the_mapping() -> None:
    entry = "files: {a.csv: {type: order, delimiter: '+', encoding: utf-16, fields: {id: Nr}}}"
    assert read("a.csv", "Nr*x\n1*2\n", mapping=entry, delimiter="*", encoding="utf-8")[0].ref.id == "1"


def test_quotes_and_lists_can_be_switched_off() -> None:
    entry = "files: {orders.csv: {type: order, quote: '', list_separator: ''}}"
    (record,) = read("orders.csv", 'id;articles\n"1;a|b\n', mapping=entry)
    assert (record.ref.id, [link.target.id for link in record.links]) == ('"1', ["a|b"])


JOINED = """\
files:
  head.csv:
    type: order
    fields: {id: No, articles: Main, references.po: PO}
    join:
      lines.csv:
        by: Head
        matches: Key
        where: {Kind: item}
        fields: {articles: Art, references.po: PO}
"""


def test_rows_of_a_joined_file_belong_to_their_record() -> None:
    write("lines.csv", "Head,Art,PO,Kind\nx,A-1,P-1,item\ny,A-2,,item\nx,A-1,P-2|P-3,item\nx,V,,freight\n")
    seen: list[int] = []
    path = write("head.csv", "No;Key;Main;PO\n1;x;A-0;P-0\n2;y;;\n3;z;;\n")
    mapping = read_mapping(write("map.yaml", JOINED), TYPES)
    first, second, third = read_files([path], TYPES, mapping=mapping, on_bytes=seen.append)
    assert [link.target.id for link in first.links] == ["A-0", "A-1", "A-1"]
    assert [number for _, number in first.references] == ["P-0", "P-1", "P-2", "P-3"]
    assert [link.target.id for link in second.links] == ["A-2"]
    assert not third.links
    assert not third.references
    assert sum(seen) == sum(job.size for job in check_files([path], TYPES, mapping=mapping))


def test_a_file_with_a_row_a_line_of_an_order_joins_itself() -> None:
    entry = "files: {e.csv: {type: order, fields: {id: Nr}, join: {e.csv: {by: Nr, fields: {articles: Art}}}}}"
    records = read("e.csv", "Nr,Art\n1,A\n1,B\n2,A\n", mapping=entry)
    assert records[0] == records[1]
    assert [[link.target.id for link in record.links] for record in records] == [
        ["A", "B"],
        ["A", "B"],
        ["A"],
    ]


# --- faults --------------------------------------------------------------------------------------------------

TWICE = "the key 'id' stands here twice; remove one"
SCENARIO = (
    "'title' is a key of a scenario; an import file holds what stands under 'erp' and nothing else (a scenario is "
    "run with: beleg test)"
)
NO_TARGET = "what a link points at is an id, or a mapping with a type and an id"
NO_ID = "the record has no id; every record needs one, unique within its type"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("orders:\n  - {number: 1}\n", f"line 2: {NO_ID}"),
        ("orders:\n  - {id: ' '}\n", f"line 2: {NO_ID}"),
        ("orders:\n- id: 1\n  adresses: [a]\n", "line 3: unknown key 'adresses'; did you mean 'addresses'?"),
        ("orders:\n- id: 1\n  number: [a]\n", "line 3: number must be one text, not a list"),
        ("orders:\n- id: 1\n  addresses: {a: b}\n", "line 3: addresses must hold texts, not a mapping"),
        (
            "orders:\n- id: 1\n  references: [a]\n",
            "line 3: references must be a mapping of kind to number or list of numbers",
        ),
        ("orders:\n- id: 1\n  links: a\n", "line 3: links must be a mapping of role to id"),
        ("orders:\n- id: 1\n  links: {'': a}\n", "line 3: each of the links needs a name"),
        ("orders:\n- id: 1\n  links: {a: {typ: b, id: c}}\n", "line 3: unknown key 'typ'; did you mean 'type'?"),
        ("orders:\n- id: 1\n  links: {a: [{type: b}]}\n", f"line 3: {NO_TARGET}"),
        ("orders:\n- id: 1\n  links: {a: {type: 'b:', id: c}}\n", f"line 3: {NO_TARGET}"),
        ("orders:\n- foo\n", "line 2: a record must be a mapping with at least an id"),
        (
            "contacts:\n- id: 1\n  status: activ\n",
            "line 3: 'activ' is no status of a contact; write one of active, inactive, none, or nothing",
        ),
        ("records:\n- {id: 1}\n", "line 2: a record under 'records' needs a type"),
        ("records:\n- {id: 1, type: 'a:b'}\n", "line 2: 'a:b' is no name of a type: it must hold no colon"),
        (
            "records:\n- {type: contact, id: 1, articles: [x]}\n",
            "line 2: unknown key 'articles'; known here: id, number, name, status, addresses, references, links, type",
        ),
        ("order: []\n", "line 1, column 1: unknown key 'order'; did you mean 'orders'?"),
        ("title: x\nerp: {}\n", f"line 1, column 1: {SCENARIO}"),
        ("erp: {}\ntitle: x\n", f"line 2, column 1: {SCENARIO}"),
        (
            "erp: {}\noffers:\n",
            "line 2, column 1: beside 'erp' nothing else may stand; move 'offers' into it",
        ),
        (
            "erp: {}\nerp: {}\n",
            "line 2, column 1: the key 'erp' stands here twice; put all its records under one",
        ),
        ("offers:\nerp: {}\n", "line 2, column 1: 'erp' stands around all other keys or is left out"),
        ("erp: []\n", "line 1, column 6: 'erp' must be a mapping, such as orders: [...]"),
        (
            "orders:\noffers:\norders:\n",
            "line 3, column 1: the key 'orders' stands here twice; put all its records under one",
        ),
        ("orders:\n- id: a\n  id: b\n", f"line 3, column 3: {TWICE}"),
        ("orders: {}\n", "line 1, column 9: orders must be a list"),
        ("- a\n", "line 1, column 1: the file must be a mapping, such as orders: [...]"),
        (
            "orders:\n- {id: &x a}\n",
            "line 2, column 8: anchors (&) and aliases (*) are not read here; write the value out",
        ),
        (
            "orders:\n- {id: *x}\n",
            "line 2, column 8: anchors (&) and aliases (*) are not read here; write the value out",
        ),
        ("orders: !x []\n", "line 1, column 9: the tag '!x' is not read here; remove it"),
        ("orders:\n- id: 1\n  ? [a]\n  : b\n", "line 3, column 5: a key must be a text"),
        (
            "orders:\n- {id: a\n- b\n",
            "line 4, column 1: this is no valid YAML: did not find expected ',' or '}'",
        ),
        ("orders:\n- {id: 1, links: " + "[" * 60 + "]" * 60 + "}\n", "line 2, column 68: nested too deeply"),
        (
            b"orders:\n- {id: \xff}\n",
            "line 2: this is no text that YAML allows (invalid leading UTF-8 octet); save the file as UTF-8",
        ),
    ],
)
def test_faults_in_yaml(data: str | bytes, message: str) -> None:
    assert fault("a.yaml", data) == f"a.yaml, {message}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            '{"orders": [\n{"id": true}]}',
            "line 2, column 2: id must be one text, not true; write it in quotes if it's meant as a text",
        ),
        (
            '{"orders": [{"id": 1,\n  "references": false}]}',
            "line 2, column 3: references must be a mapping of kind to number or list of numbers",
        ),
        ('{"orders": [{"id": "a"}, {\n"x": {"id": 1},\n"id": 1,\n"id": 2}]}', f"line 4, column 1: {TWICE}"),
        ('{"orders": [{"id": 1,\n "links": {"id": 1,\n"id":2}}]}', f"line 3, column 1: {TWICE}"),
        (
            '{"orders": [{"id": 1, "links": {"adresses": 1},\n "adresses": []}]}',
            "line 2, column 2: unknown key 'adresses'; did you mean 'addresses'?",
        ),
        ('{"orders": [{"number": 1}]}', f"line 1, column 13: {NO_ID}"),
        ('{"orders": [\n{"id" 2}]}', "line 2, column 7: this is no valid JSON: expecting ':' delimiter"),
        ('{"orders": [{"id": 1}\n{}]}', "line 2, column 1: this is no valid JSON: expecting ',' or ']'"),
        ('{"orders": [{"id": 1}', "line 1, column 22: this is no valid JSON: expecting ',' or ']'"),
        (
            '{"orders": [{"id": "a',
            "line 1, column 20: this is no valid JSON: unterminated string starting at",
        ),
        ('{"orders": [{"id": 01}]}', "line 1, column 21: this is no valid JSON: expecting ',' delimiter"),
        ('{"orders": [{"id": NaN}]}', "line 1, column 13: NaN is no JSON; write a number or a text"),
        ("{orders: []}", "line 1, column 2: this is no valid JSON: expecting a key in double quotes"),
        ('{"orders" []}', "line 1, column 11: this is no valid JSON: expecting ':' after the key"),
        ('{"orders": [],}', "line 1, column 15: this is no valid JSON: expecting a key in double quotes"),
        ('{"orders": {}}', "line 1, column 12: orders must be a list"),
        ("[1]", 'line 1, column 1: the file must be an object, such as {"orders": [...]}'),
        ('{"order": []}', "line 1, column 2: unknown key 'order'; did you mean 'orders'?"),
        ('{"title": "x"}', f"line 1, column 2: {SCENARIO}"),
        ('{"orders": []}\nx', "line 2, column 1: after the end of the object nothing more may stand"),
        ('{"orders": [{"id": ' + "[" * 100_000 + "]}", "line 1, column 13: nested too deeply"),
        (
            b'{"orders": [\n{"id": "\xe9"}]}',
            "line 2: this is no text in UTF-8 (invalid continuation byte); save the file as UTF-8",
        ),
    ],
)
def test_faults_in_json(data: str | bytes, message: str) -> None:
    assert fault("a.json", data) == f"a.json, {message}"


QUOTES = "double it inside a quoted cell, or switch quotes off in the mapping: quote: ''"
FOREIGN = "foreign columns are translated or left out by a mapping file (read as UTF-8, split at ';')"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "line 1: the file is empty; its first line must name the columns"),
        ("id;nummer\n1;2\n", f"line 1: unknown column 'nummer'; did you mean 'number'?; {FOREIGN}"),
        (
            "\nid;references.\n1;2\n",
            "line 2: unknown column 'references.'; did you mean 'references.KIND'?; " + FOREIGN,
        ),
        (
            "number;name\n1;2\n",
            "line 1: there is no column 'id'; every record needs one, or a mapping file that says what is its id "
            "(read as UTF-8, split at ';')",
        ),
        ("id;id\n1;2\n", "line 1: the column 'id' stands here twice; remove one"),
        ("id;;name\n1;2;3\n", "line 1: a column between others has no name; name it or remove it"),
        (
            'id;name\n1;"a\nb"\n2;b;c\n',
            "line 4: 3 cells where 2 columns are expected (id, name); a cell that holds the delimiter ';' or a line "
            "break must be quoted",
        ),
        (
            "id;number;name;status;customer;offer\n1\n",
            "line 2: 1 cell where 6 columns are expected (id, number, name, status, customer, …); a cell that holds "
            "the delimiter ';' or a line break must be quoted",
        ),
        ("id;name\n\n;x\n", f"line 3: {NO_ID}"),
        (
            'id;name\n1;"a\n2;b\n',
            f'line 2: a " opens a cell that begins in this row and is never closed; {QUOTES} (unexpected end of data)',
        ),
        (
            'id;name\n1;"a"b\n',
            f"line 2: after the \" that closes a cell something else follows; {QUOTES} (';' expected after '\"')",
        ),
    ],
)
def test_faults_in_csv(data: str | bytes, message: str) -> None:
    assert fault("orders.csv", data) == f"orders.csv, {message}"


def test_more_faults_in_csv() -> None:
    assert fault("contacts.csv", "id;status\n1;x\n") == (
        "contacts.csv, line 2, column status: 'x' is no status of a contact; write one of active, inactive, none, "
        "or nothing"
    )
    assert fault("orders.csv", b"id;name\n1;a\n2;\xff\n", encoding="UTF-8") == (
        "orders.csv, line 3: this is no text in UTF-8 (invalid start byte); give the file's encoding: "
        "--encoding ISO-8859-1, for example"
    )
    assert fault("orders.csv", "id;name\n1;" + "x" * (1 << 23)) == (
        "orders.csv, line 2: a line of more than 8,388,608 characters; is this CSV in UTF-8?"
    )


UNKNOWN = "write one of contacts, offers, orders, articles, records"


def test_faults_are_found_before_anything_is_read() -> None:
    good = write("orders.csv", "id\n1\n")

    def found(*paths: Path, **options: Any) -> str:
        with pytest.raises(InputError) as error:
            read_files([good, *paths], TYPES, **options)
        return str(error.value)

    types = ", ".join([*(each.plural for each in TYPES.values()), "records"])
    assert found(Path("no.csv")) == "no.csv: there is no such file"
    assert found(Path(".")) == ".: this is a folder; name the files in it"
    assert found(write("a.xlsx", "")) == (
        "a.xlsx: the kind of this file is unknown; read are .yaml, .yml, .json, .csv, .tsv, .txt"
    )
    assert found(write("a.csv", "")) == (
        f"a.csv: of which type its records are can't be told from its name; give --type with one of {types}"
    )
    assert found(type_="ordr") == f"'ordr' is no type; write one of {types}"
    assert found(delimiter="") == "'' can't be a delimiter; write one or more characters, such as ; or |+| or tab"
    for encoding in ("utf-9", "rot13", "base64"):
        assert found(encoding=encoding) == (
            f"unknown encoding {encoding!r}; write for example UTF-8, ISO-8859-1 or cp1252"
        )
    mapping = read_mapping(write("map.yaml", JOINED), TYPES)
    head, lines = write("head.csv", ""), write("lines.csv", "")
    assert found(write("b.csv", ""), mapping=mapping) == (
        f"b.csv: map.yaml says nothing of this file; add it there, or give --type with one of {types}"
    )
    assert found(lines, mapping=mapping) == (
        "lines.csv: map.yaml joins this file to head.csv, with which it's read; leave it out"
    )
    assert found(head, mapping=mapping, type_="contact") == (
        "head.csv: --type says contacts, the mapping map.yaml says orders; leave --type out"
    )
    lines.unlink()
    assert found(head, mapping=mapping) == "lines.csv: there is no such file, which the mapping joins to head.csv"
    tree = write("a.yaml", "")
    options: tuple[tuple[str, Any], ...] = (
        ("type", "order"),
        ("delimiter", ";"),
        ("encoding", "UTF-8"),
        ("mapping", mapping),
    )
    for option, value in options:
        with pytest.raises(InputError) as error:
            read_files([tree], TYPES, **{"type_" if option == "type" else option: value})
        assert str(error.value) == (f"--{option} is about CSV files, and none of the files is one; leave it out")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("file: {}", "line 1: unknown key 'file'; did you mean 'files'?"),
        ("- a", "line 1: a mapping file must be a mapping with defaults, files"),
        ("files:\n  a.csv:\n    typ: order", "line 3: unknown key 'typ'; did you mean 'type'?"),
        ("files:\n  a.csv:\n    fields: {id: Nr}", "line 3: fields need a type; say which: type: order, for example"),
        (
            "files:\n  a.csv:\n    type: order\n    fields:\n      id: Nr\n      custmer: K",
            "line 6: unknown key 'custmer'; did you mean 'customer'?",
        ),
        (
            "files:\n  a.csv:\n    type: order\n    fields: {customer: K}",
            "line 4: the fields have no 'id'; every record needs one",
        ),
        (
            "files:\n  a.csv:\n    type: order\n    fields: {id: [A, B]}",
            "line 4: id takes one column, or one template such as '{A} {B}'",
        ),
        (
            "files:\n  a.csv:\n    type: order\n    fields: {id: {column: A, value: B}}",
            "line 4: id is either column: COLUMN or value: TEXT",
        ),
        ("files:\n  a.csv:\n    delimiter: ''", "line 3: '' can't be a delimiter; write one or more characters, such as "
         "; or |+| or tab"),
        (
            "defaults:\n  encoding: latin-99\n",
            "line 2: unknown encoding 'latin-99'; write for example UTF-8, ISO-8859-1 or cp1252",
        ),
        ("files:\n  a.csv:\n    quote: ab", "line 3: quote is one character, or '' where nothing is quoted"),
        ("files:\n  a.csv:\n    header: no", "line 3: header is true or false"),
        (
            "files:\n  a.csv:\n    header: false",
            "line 3: a file without a header line needs its columns: columns: [FIRST, SECOND, …]",
        ),
        (
            "files:\n  a.csv:\n    columns: [A, B]",
            "line 3: with columns, say whether the file begins with a line of column names too: header: false (the "
            "first line is a record) or header: true (it is passed over)",
        ),
        ("files:\n  a.csv:\n    columns: [A, A]", "line 3: the column 'A' stands here twice"),
        (
            "files:\n  a.csv:\n    type: order\n    header: false\n    columns: [Nr]\n    fields: {id: Nrr}",
            "line 6: there is no column 'Nrr'; did you mean 'Nr'?",
        ),
        (
            "files:\n  a.csv:\n    type: order\n    join:\n      b.csv: {fields: {articles: A}}",
            "line 5: say by which column of b.csv its rows belong to a record: by: COLUMN",
        ),
        (
            "files:\n  a.csv:\n    type: order\n    join:\n      b.csv: {by: A}",
            "line 5: say what to take from b.csv: fields: {articles: COLUMN}, for example",
        ),
        (
            "files:\n  a.csv:\n    type: order\n    join:\n      b.csv: {by: A, fields: {customer: K}}",
            "line 5: unknown key 'customer'; known here: addresses, articles, references.KIND, links.ROLE",
        ),
    ],
)  # fmt: skip
def test_faults_in_a_mapping(entry: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_mapping(write("map.yaml", entry), TYPES)
    assert str(error.value) == f"map.yaml, {message}"


def test_a_mapping_that_does_not_fit_the_file() -> None:
    entry = "files: {a.csv: {type: order, fields: {id: Nr, customer: Kunde}}}"
    assert fault("a.csv", "Nr;Kund\n1;2\n", mapping=entry) == (
        "a.csv, line 1: there is no column 'Kunde', from which the mapping takes customer; did you mean 'Kund'? "
        "(read as UTF-8, split at ';')"
    )
    assert fault("a.csv", "Nr;Kunde;Nr\n1;2;3\n", mapping=entry) == (
        "a.csv, line 1: the column 'Nr' stands here twice; rename one"
    )
    assert fault("a.csv", "Nr;Kunde\n;2\n", mapping=entry) == f"a.csv, line 2: {NO_ID}"


# --- properties ----------------------------------------------------------------------------------------------

words = (
    st.text(
        st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\"';,:#{}[]&*!-?<>=%@`~"),
        min_size=1,
    )
    .map(lambda text: text.replace("|", "/").strip())
    .filter(bool)
)
rows = st.fixed_dictionaries(
    {"id": words},
    optional={
        "number": words,
        "name": words,
        "customer": words,
        "offer": words,
        "addresses": st.lists(words, min_size=1, max_size=3),
        "references": st.dictionaries(words, st.lists(words, min_size=1, max_size=3), min_size=1, max_size=1),
        "articles": st.lists(words, min_size=1, max_size=3),
        "links": st.dictionaries(words, st.lists(words, min_size=1, max_size=2), min_size=1, max_size=1),
    },
)


def as_csv(data: list[dict[str, Any]], delimiter: str) -> str:
    flat = []
    for row in data:
        cells = {key: value for key, value in row.items() if not isinstance(value, dict)}
        for group in ("references", "links"):
            cells.update({f"{group}.{name}": value for name, value in row.get(group, {}).items()})
        flat.append({key: "|".join(value) if isinstance(value, list) else value for key, value in cells.items()})
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in flat for key in row)), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(flat)
    return stream.getvalue()


def test_a_file_of_one_column_is_not_split() -> None:
    """Its header shows no delimiter: what looks like one in a cell belongs to that."""
    assert [record.ref.id for record in read("orders.csv", b"id\n;\na|b\nO-1,5\n")] == [";", "a|b", "O-1,5"]


@given(st.lists(rows, min_size=1, max_size=5), st.sampled_from(";,\t|"), st.sampled_from(("utf-8", "utf-16")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read_in_every_format(data: list[dict[str, Any]], delimiter: str, encoding: str) -> None:
    records = read("a.json", json.dumps({"orders": data}, ensure_ascii=False, indent=1))
    assert [record.ref.id for record in records] == [row["id"] for row in data]
    assert read("a.yaml", yaml.safe_dump({"orders": data}, allow_unicode=True).encode(encoding)) == records
    assert read("orders.csv", as_csv(data, delimiter).encode(encoding), delimiter=delimiter) == records
    assert read("orders.csv", as_csv(data, delimiter).encode(encoding)) == records


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:orders id\n1-&*!', max_size=80).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for name in ("a.json", "a.yaml", "orders.csv"):
        try:
            read(name, data)
        except InputError as error:
            message = str(error)
        else:
            message = name
        assert message.startswith(name)


# --- memory and the database ---------------------------------------------------------------------------------


def big(count: int) -> Iterator[str]:
    yield "id;number;customer;addresses;references.invoice;articles\n"
    for number in range(count):
        yield f"O-{number};AB-{number};K-{number % 1000};b{number}@kunde.example;RE-{number};A-1|A-2\n"


def write_big(name: str, count: int) -> Path:
    path = Path(name)
    lines = big(count)
    if path.suffix != ".csv":
        next(lines)
    with path.open("w") as file:
        if path.suffix == ".json":
            file.write('{"orders": [')
            for number in range(count):
                row = {
                    "id": f"O-{number}",
                    "number": f"AB-{number}",
                    "addresses": [f"b{number}@kunde.example"],
                }
                file.write(("," if number else "") + json.dumps(row))
            file.write("]}")
        elif path.suffix == ".yaml":
            file.write("orders:\n")
            file.writelines(f"- {{id: O-{number}, number: AB-{number}}}\n" for number in range(count))
        else:
            file.writelines(lines)
    return path


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("orders.csv", 50_000),
        pytest.param("orders.csv", 200_000, marks=pytest.mark.slow),
        ("a.json", 30_000),
        ("a.yaml", 20_000),
    ],
)
def test_memory_is_bounded(name: str, count: int) -> None:
    path = write_big(name, count)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_files([path], TYPES)) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def count_records(database: Database) -> int:
    with database.begin(write=False) as connection:
        return int(connection.execute(text("SELECT count(*) FROM record WHERE NOT retired")).scalar_one())


def take(database: Database, *paths: Path, prune: bool = False, **options: Any) -> Any:
    with database.begin() as connection:
        return import_records(connection, read_files(paths, TYPES, **options), TYPES, prune=prune)


def test_an_import_is_all_or_nothing(database: Database) -> None:
    take(database, write("contacts.csv", "id\nK-1\n"))
    path = write_big("orders.csv", 2_000)
    with path.open("a") as file:
        file.write("O-1;x\n")
    with pytest.raises(InputError, match="line 2002: 2 cells where 6 columns are expected"):
        take(database, write("contacts.csv", "id\nK-2\n"), path)
    assert count_records(database) == 1


def test_importing_again_updates_in_place_and_prune_retires(database: Database) -> None:
    first = take(
        database,
        write("a.yaml", "contacts: [{id: K, addresses: [a@x]}, {id: L}]\norders: [{id: 1, customer: M}]\n"),
    )
    assert (first.new, first.changed, first.unchanged, first.retired) == (3, 0, 0, 0)
    assert first.dangling == [("order:1", "customer", "contact:M")]
    again = take(database, write("contacts.csv", "id,addresses\nK,b@x\n"), prune=True)
    assert (again.new, again.changed, again.unchanged, again.retired) == (0, 1, 0, 1)
    assert count_records(database) == 2


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/erp/adventureworks-lt is not there")
def test_adventureworks_imports_through_the_documented_mapping(database: Database) -> None:
    mapping = read_mapping(ROOT / "docs" / "examples" / "adventureworks-lt.yaml", TYPES)
    paths = [SHARED / name for name in ("Customer.csv", "Product.csv", "SalesOrderHeader.csv")]
    records = list(read_files(paths, TYPES, mapping=mapping))
    assert Counter(record.ref.type for record in records) == {"contact": 847, "article": 295, "order": 32}
    contacts = [record for record in records if record.ref.type == "contact"]
    assert len({key for contact in contacts for key in contact.address_keys()}) == 440
    assert sum(len(record.targets("article")) for record in records) == 542
    report = take(database, *paths, mapping=mapping)
    assert (report.new, report.dangling_count) == (1174, 0)
    with database.begin(write=False) as connection:
        for number in ("SO71774", "PO348186287", "10-4020-000609", "so-71774"):
            entry = reference_entry(reference_key(number))
            found = SqlDirectory(connection).find([entry], [Group("order")])
            assert found == {entry: {Group("order"): ["71774"]}}


MILLION = """\
import resource, sys, time
from pathlib import Path
from beleg.importer.files import read_files
from beleg.plugins import installed
from beleg.store.database import Database
from beleg.store.records import import_records
from beleg.store.tables import Table
types = installed().types
db = Database("sqlite:///big.db")
Table.metadata.create_all(db.engine)
def run(name):
    start = time.perf_counter()
    with db.begin() as connection:
        report = import_records(connection, read_files([Path(name)], types), types)
    return report, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_, _, before = run("small/orders.csv")
report, seconds, after = run("orders.csv")
print(report.total, int(report.total / seconds), (after - before) // 1024)
"""


@pytest.mark.slow
def test_a_million_orders_import_in_bounded_memory() -> None:
    Path("small").mkdir()
    write_big("small/orders.csv", 20_000)
    write_big("orders.csv", 1_000_000)
    done = subprocess.run([sys.executable, "-c", MILLION], capture_output=True, text=True, check=True)
    total, rate, growth = map(int, done.stdout.split())
    print(f"\n{total:,} orders: {rate:,} rows/s, peak memory {growth} MB above that of 20,000")
    assert total == 1_000_000
    assert growth < 150
