"""Ignored addresses: the three forms, how they are compared, and which entry counts."""

from __future__ import annotations

import pytest

from beleg.ignore import Entry, IgnoreList, classify
from beleg.keys import address_key


def taken_out(address: str, **lists: list[str]) -> Entry | None:
    return IgnoreList(**lists).entry_for(address_key(address))


@pytest.mark.parametrize(
    ("entry", "out", "stays"),
    [
        ("spam@x.example", ["spam@x.example", "SPAM@X.Example"], ["pam@x.example", "s@x.example", "spam+a@x.example"]),
        ("amazon.de", ["a@amazon.de", "B@AMAZON.DE"], ["a@marketplace.amazon.de", "a@xamazon.de", "amazon.de@x.de"]),
        ("@amazon.de", ["a@amazon.de"], ["a@marketplace.amazon.de"]),
        ("*.amazon.de", ["a@marketplace.amazon.de", "a@b.c.amazon.de"], ["a@amazon.de", "a@xamazon.de"]),
        ("bücher.example", ["a@bücher.example", "a@BÜCHER.example", "a@xn--bcher-kva.example"], ["a@bucher.example"]),
        ("xn--bcher-kva.example", ["a@bücher.example"], []),
        ("*.straße.example", ["a@x.straße.example"], ["a@x.strasse.example"]),
        ("*.example", ["a@x.example"], ["a@example"]),
        ("localhost", ["root@localhost"], ["root@localhost.example"]),
        ('"max"@x.example', ["max@x.example", '"max"@x.example'], ['"m ax"@x.example']),
        ('"m ax"@x.example', ['"m ax"@x.example'], ["max@x.example"]),
        ('"a@b"@x.example', ['"a@b"@x.example'], ["b@x.example"]),
        (" spam@x.example ", ["spam@x.example"], []),
        ("a@[192.0.2.1]", ["a@[192.0.2.1]"], []),
        ("ä*b@x.example", ["Ä*B@x.example"], ["äxb@x.example"]),
    ],
)  # fmt: skip
def test_blacklist(entry: str, out: list[str], stays: list[str]) -> None:
    for address in out:
        found = taken_out(address, blacklist=[entry])
        assert found is not None, address
        assert found.text == entry
    for address in stays:
        assert taken_out(address, blacklist=[entry]) is None, address


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ("a@b.example", "address"),
        ("b.example", "domain"),
        ("@b.example", "domain"),
        ("*.b.example", "wildcard"),
    ],
)
def test_kinds(entry: str, kind: str) -> None:
    assert classify(entry)[0] == kind
    found = taken_out("a@b.example" if kind != "wildcard" else "a@x.b.example", blacklist=[entry])
    assert found == (kind, entry)


@pytest.mark.parametrize(
    "entry",
    ["", " ", "@", "*", "*.", "*@", "a b", "a b@x.example", "a@", "a@b c", "@@x", "a@@x", ".de", "a@.de", "x..de",
     "x.de.", "*.*.de", "a.*.de", "a@*.de", "@*.de", "a\nb.de", "a@x.de, b@x.de"],
)  # fmt: skip
def test_what_is_no_entry(entry: str) -> None:
    with pytest.raises(ValueError, match="is no blacklist entry; write an address"):
        classify(entry)
    with pytest.raises(ValueError, match="is no blacklist entry"):
        IgnoreList(blacklist=[entry])


def test_the_first_kind_counts() -> None:
    lists = {
        "users": ["a@b.example"],
        "groups": ["a@b.example", "g@b.example"],
        "blacklist": ["*.example", "*.b.example", "b.example", "@b.example", "g@b.example", "s@b.example"],
    }
    assert taken_out("A@b.example", **lists) == ("user", "a@b.example")
    assert taken_out("g@b.example", **lists) == ("group", "g@b.example")
    assert taken_out("s@b.example", **lists) == ("address", "s@b.example")
    assert taken_out("x@b.example", **lists) == ("domain", "b.example")
    assert taken_out("x@c.example", **lists) == ("wildcard", "*.example")
    assert taken_out("x@y.b.example", **lists) == ("wildcard", "*.b.example")  # the longest one
    assert taken_out("x@b.other", **lists) is None


def test_of_equal_entries_the_first_counts() -> None:
    assert taken_out("a@b.example", blacklist=["A@b.example", "a@B.example"]) == ("address", "A@b.example")


def test_users_and_groups_are_addresses_alone() -> None:
    assert taken_out("x@firma.example", users=["firma.example"], groups=["*.example"]) is None


def test_an_empty_list_takes_nothing_out() -> None:
    assert taken_out("a@b.example") is None
    assert taken_out("no address") is None
