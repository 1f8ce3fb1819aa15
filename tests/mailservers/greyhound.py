"""A FAKE of the mail server GREYHOUND: our own, built from what the project knows of GREYHOUND's documentation
(plugins/greyhound/README.md), and never compared with a real server. What is not documented it does as the plugin
assumes.

It runs in a process of its own over real HTTPS. It answers documented calls alone, with the documented number of
parameters, and it can be made to do all that a server may do wrong (`Fault`).
"""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

Fault = Literal[
    "slow", "drip", "drip_head", "status", "error", "half", "cut", "cut_after", "unknown", "wrong", "redirect", "huge",
    "html", "text", "empty", "no_length", "gzip", "nothing",
]  # fmt: skip
LOGIN, PASSWORD = "admin", "geheim-4711"
_CLIENT = re.compile(r"[0-9A-Za-z]{32}-(.+)\Z", re.DOTALL)
_OF_KEPT = {"Get": 1, "GetList": 0, "New": 1, "Put": 1, "Delete": 1}
_OF_LINK = {"CheckConnection": 1, "StartOAuth2Authentication": 3, "CheckOAuth2Authentication": 2}
PARAMETERS: dict[str, tuple[int, ...]] = {
    "RpcInfo.GetServerInfo": (1,),
    "RpcItems.Get": (2,),
    "RpcItems.GetList": (7, 8),
    "RpcItems.GetThreadList": (4,),
    "RpcItems.AddClassified": (4,),
    "RpcUsers.GetList": (0,),
    **{f"RpcGroups.{name}": (1,) for name in ("Get", "New", "Put")},
    **{
        f"{service}.{name}": (count,)
        for service in ("RpcPop3Accounts", "RpcSmtpAccounts", "RpcSignatures", "RpcFilters")
        for name, count in _OF_KEPT.items()
    },
    **{f"{service}.{name}": (n,) for service in ("RpcPop3Accounts", "RpcSmtpAccounts") for name, n in _OF_LINK.items()},
}
"""The documented calls that there are here, and how many parameters each takes."""
NOT_FOUND, NOT_KNOWN, REFUSED = 1001, 1002, 1003
"""Error codes, of our own making, as they come over JSON: 700 more than native."""


class Failure(Exception):
    """An error of the server's, as JSON-RPC 1.1 has it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


# --- the server, in its own process --------------------------------------------------------------------------------


class World:
    """What the server keeps. Control of it (`/fake`) is for tests alone."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.version = "5.5.300"
        self.page = 3
        self.keep_order = True
        self.keep_offset = True
        self.kept: dict[str, dict[int, dict[str, Any]]] = {
            "RpcPop3Accounts": {}, "RpcSmtpAccounts": {}, "RpcGroups": {}, "RpcSignatures": {}, "RpcFilters": {},
            "RpcUsers": {1: {"ID": 1, "Login": LOGIN, "Username": "Administrator", "State": 1}}, "RpcItems": {},
        }  # fmt: skip
        self.raw: dict[int, bytes] = {}
        self.threads: list[set[int]] = []
        self.faults: list[dict[str, Any]] = []
        self.calls: list[list[Any]] = []
        self.links: dict[str, int] = {}
        self.next = 100

    def number(self) -> int:
        self.next += 1
        return self.next

    def fault(self, name: str) -> dict[str, Any] | None:
        """What goes wrong with this call."""
        with self.lock:
            for each in self.faults:
                if each["on"] in ("*", name):
                    if each["skip"] > 0:
                        each["skip"] -= 1
                        continue
                    each["times"] -= 1
                    if each["times"] <= 0:
                        self.faults.remove(each)
                    return each
        return None

    def call(self, method: str, params: list[Any]) -> Any:
        """Carry out a documented call."""
        if method not in PARAMETERS or len(params) not in PARAMETERS[method]:
            raise Failure(NOT_KNOWN, f"{method} with {len(params)} parameters is not documented")
        service, _, name = method.partition(".")
        with self.lock:
            if service == "RpcItems":
                return getattr(self, f"items_{name}")(*params)
            if name in _OF_LINK:
                return getattr(self, name)(*params)
            if service == "RpcInfo":
                return {"Version": self.version, "Edition": "Fake", "OnlineSince": "20260301T08:00:00"}
            return getattr(self, f"kept_{name}")(self.kept[service], *params)

    # --- what is kept

    def kept_Get(self, kept: dict[int, dict[str, Any]], id: int) -> Any:
        if id not in kept:
            raise Failure(NOT_FOUND, f"there is no {id}")
        return kept[id]

    def kept_GetList(self, kept: dict[int, dict[str, Any]]) -> Any:
        return list(kept.values())

    def kept_New(self, kept: dict[int, dict[str, Any]], made: dict[str, Any]) -> Any:
        if any(each.get("Name") == made.get("Name") for each in kept.values()) and kept is not self.kept["RpcGroups"]:
            raise Failure(REFUSED, "the name is taken")
        id_ = self.number()
        kept[id_] = {**made, "ID": id_}
        return id_

    def kept_Put(self, kept: dict[int, dict[str, Any]], changed: dict[str, Any]) -> None:
        self.kept_Get(kept, changed["ID"])
        kept[changed["ID"]] = changed  # whole: what is not in it is gone

    def kept_Delete(self, kept: dict[int, dict[str, Any]], id: int) -> None:
        self.kept_Get(kept, id)
        del kept[id]

    # --- accounts

    def CheckConnection(self, account: dict[str, Any]) -> int:
        if account.get("Password") != "richtig":
            raise Failure(REFUSED, f"sign-in failed with {account.get('Password')}")
        return 12

    def StartOAuth2Authentication(self, host: str, url: str, locale: str) -> dict[str, Any]:
        self.links["link-1"] = 1
        return {
            "Identifier": "link-1",
            "Kind": "microsoft",
            "Url": f"https://login.example/?r={url}&l={locale}&h={host}",
        }

    def CheckOAuth2Authentication(self, identifier: str, kind: str) -> dict[str, Any]:
        if kind != "microsoft":
            raise Failure(REFUSED, "another kind was begun")
        return {"State": self.links.get(identifier, 0)}

    # --- mail

    def items_Get(self, id: int, mark: bool) -> Any:
        if id not in self.kept["RpcItems"]:
            raise Failure(NOT_FOUND, f"there is no item {id}")
        if mark is not False:
            raise Failure(REFUSED, "a test marked an item as being read")
        return self.kept["RpcItems"][id]

    def items_GetList(
        self, wanted: dict[str, Any], by: int, direction: int, offset: int, values: int, *more: Any
    ) -> list[dict[str, Any]]:
        if (
            by not in (11, 15)
            or direction != 1
            or (wanted.get("MinClassified"), wanted.get("MaxClassified")) != (-1, -1)
        ):
            raise Failure(REFUSED, "asked in another way than the plugin asks")
        groups = wanted.get("GroupRefs")
        kinds = wanted.get("Kinds", 0)
        found = [
            each
            for each in self.kept["RpcItems"].values()
            if (not groups or each.get("GroupRef") in groups) and kinds & 1 << each.get("Kind", 0)
        ]
        found.sort(key=lambda each: each["ID"], reverse=self.keep_order)
        names = {"ID", *(name for name, bit in _LISTED.items() if values & bit)}
        page = found[offset if self.keep_offset else 0 :][: self.page]
        return [{name: each[name] for name in names if name in each} for each in page]

    def items_GetThreadList(self, id: int, values: int, user_fields: list[int], referred: bool) -> list[dict[str, Any]]:
        self.items_Get(id, False)
        tied = sorted(set().union(*(each for each in self.threads if id in each)) | {id})
        return [{"ID": each} for each in tied]

    def items_AddClassified(self, id: int, ref: int, kind: int, remark: str) -> None:
        self.items_Get(id, False).setdefault("Classified", []).append({"ItemRef": ref, "Remark": remark})

    # --- for tests

    def control(self, what: str, given: dict[str, Any]) -> Any:
        with self.lock:
            match what:
                case "reset":
                    self.__init__()  # type: ignore[misc]  # as it was at the start
                case "set":
                    for name, value in given.items():
                        setattr(self, name, value)
                case "keep":
                    id_ = given["record"].get("ID") or self.number()
                    self.kept[given["service"]][id_] = {**given["record"], "ID": id_}
                    return id_
                case "mail":
                    id_ = given.get("id") or self.number()
                    record = {"ID": id_, **given["record"]}
                    self.kept["RpcItems"][id_] = {name: value for name, value in record.items() if value}
                    self.raw[id_] = base64.b64decode(given["raw"])
                    return id_
                case "drop":
                    self.kept["RpcItems"].pop(given["id"], None)
                    self.raw.pop(given["id"], None)
                case "tie":
                    self.threads.append(set(given["ids"]))
                case "fault":
                    self.faults.append({"times": 1, "skip": 0, **given})
                case "healthy":
                    self.faults.clear()
                case "link":
                    self.links[given["identifier"]] = given["state"]
                case "calls":
                    calls, self.calls = self.calls, []
                    return calls
                case "kept":
                    return list(self.kept[given["service"]].values())
                case _:
                    raise ValueError(what)
        return None


_LISTED = {"GroupRef": 1, "State": 2048, "Kind": 4096, "Flags": 16384}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    world: World
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.request.settimeout(30)
        self.request.do_handshake()
        super().setup()

    def handle(self) -> None:
        with suppress(OSError):  # who asked has gone
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if not self.signed_in():
            return self.refuse()
        if not (found := re.fullmatch(r"/json/ItemsCurrentEml(\d+)", self.path)):
            return self.send(404, b"", "text/plain")
        self.world.calls.append(["raw", int(found[1])])
        fault = self.world.fault("raw") or {}
        if fault.get("fault") == "error":
            return self.fail(Failure(fault.get("code", REFUSED), "made to fail"))
        if fault.get("fault") == "cut":
            return self.drop()
        raw = self.world.raw.get(int(found[1]))
        if raw is None:
            return self.fail(Failure(NOT_FOUND, "there is no such item"))
        return self.answer(raw, "message/rfc822", fault)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.startswith("/fake/"):
            try:
                made = self.world.control(self.path.removeprefix("/fake/"), json.loads(body))
            except ValueError:
                return self.send(400, b"", "text/plain")
            return self.send(200, json.dumps(made).encode(), "application/json")
        if not self.signed_in():
            return self.refuse()
        if self.path != "/json" or self.headers["content-type"] != "application/json":
            return self.send(404, b"", "text/plain")
        asked = json.loads(body)
        method, params = asked["method"], asked["params"]
        assert asked["version"] == "1.1"
        assert isinstance(params, list)
        self.world.calls.append([method, params])
        fault = self.world.fault(method) or {}
        if fault.get("fault") == "error":
            return self.fail(Failure(fault.get("code", REFUSED), fault.get("message", "made to fail")))
        if fault.get("fault") == "cut":
            return self.drop()
        try:
            result = self.world.call(method, params)
        except Failure as failure:
            return self.fail(failure)
        if fault.get("fault") == "cut_after":
            return self.drop()
        if fault.get("fault") == "unknown":
            result = with_unknown(result)
        if fault.get("fault") == "wrong":
            result = with_wrong(result, fault.get("value"))
        made = {"version": "1.1", "result": without_empty(result)}
        return self.answer(json.dumps(without_empty(made)).encode(), "application/json", fault)

    def signed_in(self) -> bool:
        kind, _, given = (self.headers["authorization"] or "").partition(" ")
        name, _, password = base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
        found = _CLIENT.match(name)
        return bool(found) and found is not None and found[1] == LOGIN and password == PASSWORD

    def refuse(self) -> None:
        self.rfile.close()
        self.send(401, b"", "text/plain")
        self.close_connection = True

    def fail(self, failure: Failure) -> None:
        error = {"name": "JSONRPCError", "code": failure.code, "message": str(failure)}
        self.send(500, json.dumps({"version": "1.1", "error": error}).encode(), "application/json")

    def answer(self, body: bytes, type_: str, fault: Mapping[str, Any]) -> None:
        match fault.get("fault"):
            case "slow":
                time.sleep(fault["seconds"])
            case "drip":
                self.head(200, type_, len(body))
                return self.trickle(body)
            case "drip_head":
                return self.trickle(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + b"X-Filler: y\r\n" * 1000
                )
            case "status":
                return self.send(fault["status"], b"out of order", "text/plain")
            case "half":
                self.head(200, type_, len(body))
                self.wfile.write(body[: len(body) // 2])
                return self.drop()
            case "no_length":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body[: len(body) // 2])
                return self.drop()
            case "redirect":
                return self.send(fault["status"], b"", "text/plain", {"Location": fault["to"]})
            case "huge":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[")
                for _ in range(4096):
                    self.wfile.write(b"0," * 2**15)
                return self.drop()
            case "html":
                return self.send(200, b"<html>please sign in</html>", "text/html")
            case "text":
                return self.send(200, b"hello", type_)
            case "empty":
                return self.send(200, b"", type_)
            case "nothing":
                return self.send(200, b"{}", type_)
            case "gzip":
                return self.send(200, body, type_, {"Content-Encoding": "gzip"})
        return self.send(200, body, type_)

    def send(self, status: int, body: bytes, type_: str, more: Mapping[str, str] = {}) -> None:
        self.head(status, type_, len(body), more)
        self.wfile.write(body)

    def head(self, status: int, type_: str, length: int, more: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": type_, "Content-Length": str(length), **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def trickle(self, data: bytes) -> None:
        for index in range(len(data)):
            self.wfile.write(data[index : index + 1])
            time.sleep(0.05)
        self.drop()

    def drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def without_empty(value: Any) -> Any:
    """JSON follows XML-RPC here: empty and zero values are left out."""
    if isinstance(value, dict):
        return {name: without_empty(each) for name, each in value.items() if each or each is not each}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


def with_unknown(value: Any) -> Any:
    """Fields that nobody has heard of, everywhere."""
    if isinstance(value, dict):
        known = {name: with_unknown(each) for name, each in value.items()}
        return {"Zzz": {"a": [1, None]}, **known, "ÄÖ": "neu"}
    return [with_unknown(each) for each in value] if isinstance(value, list) else value


def with_wrong(value: Any, instead: Any) -> Any:
    """All fields of another type, but for the ids."""
    if isinstance(value, dict):
        return {name: each if name == "ID" else instead for name, each in value.items()}
    return [with_wrong(each, instead) for each in value] if isinstance(value, list) else value


class Server(ThreadingHTTPServer):
    """TLS is begun in the thread of each connection."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, certificate: str, key: str) -> None:
        super().__init__(("127.0.0.1", 0), type("Bound", (Handler,), {"world": World()}))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        return self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # who does not trust us, or has gone
            super().handle_error(request, client_address)


# --- the test's side -------------------------------------------------------------------------------------------------


class FakeGreyhound:
    """The running fake, and what tests do with it."""

    def __init__(self, port: int, authorities: str) -> None:
        self.port = port
        self.address = f"https://127.0.0.1:{port}"
        self.authorities = authorities
        self._tls = ssl.create_default_context(cadata=authorities)

    def control(self, what: str, **given: Any) -> Any:
        import http.client

        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self._tls, timeout=30)
        try:
            connection.request("POST", f"/fake/{what}", json.dumps(given).encode())
            answer = connection.getresponse()
            assert answer.status == 200
            return json.loads(answer.read())
        finally:
            connection.close()

    def mail(self, raw: bytes, *, id: int | None = None, **record: Any) -> str:
        """A mail that is there from now on; its id."""
        return str(self.control("mail", raw=base64.b64encode(raw).decode(), id=id, record=record))

    def keep(self, service: str, **record: Any) -> str:
        """Something that the server keeps; its id."""
        return str(self.control("keep", service=service, record=record))

    def kept(self, service: str) -> list[dict[str, Any]]:
        """All that the server keeps of a kind."""
        found: list[dict[str, Any]] = self.control("kept", service=service)
        return found

    def fail(self, on: str, fault: Fault, **more: Any) -> None:
        """Have this call go wrong once (`times`), after so many that go well (`skip`)."""
        self.control("fault", on=on, fault=fault, **more)

    def calls(self) -> list[Any]:
        """What was called since this was asked last."""
        found: list[Any] = self.control("calls")
        return found

    def methods(self) -> list[str]:
        """The same, without parameters."""
        return [name for name, _ in self.calls()]


@contextmanager
def running(certificate: Path, key: Path, authorities: str) -> Iterator[FakeGreyhound]:
    """The fake, in a process of its own, on a free loopback port."""
    process = subprocess.Popen(
        [sys.executable, "-I", __file__, str(certificate), str(key)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline()
        assert line.strip().isdigit(), "the fake did not start"
        yield FakeGreyhound(int(line), authorities)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def main() -> None:
    """Serve until standard input ends, which it does with the tests."""
    server = Server(*sys.argv[1:3])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
