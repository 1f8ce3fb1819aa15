"""The server as Beleg sees it: what it takes, what can't be done there, checking it, and opening a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beleg import CheckStep, MailServerError, Sentence, ServerProtocol, ServerSession, ServerSettings

OLDEST = 5
"""The oldest version that is spoken to."""


class Greyhound(ServerProtocol):
    """GREYHOUND, over JSON-RPC 1.1."""

    name = "greyhound"
    title = Sentence("GREYHOUND", "GREYHOUND")
    reference = "greyhound"
    limits = (
        Sentence(
            "Mail is not sent by GREYHOUND: how it is sent there is not documented. It goes out through Beleg's SMTP "
            "accounts.",
            "Über GREYHOUND wird nicht gesendet: Wie dort gesendet wird, ist nicht dokumentiert. Mails gehen über die "
            "SMTP-Konten von Beleg hinaus.",
        ),
        Sentence("Tags are not exchanged with GREYHOUND.", "Schlagwörter werden mit GREYHOUND nicht ausgetauscht."),
        Sentence(
            "GREYHOUND does not tell Beleg of new mail: Beleg asks for it at intervals (events exist in its own binary "
            "protocol only).",
            "GREYHOUND meldet Beleg keine neuen Mails: Beleg fragt in Abständen danach (Ereignisse gibt es nur im "
            "eigenen Binärprotokoll).",
        ),
        Sentence(
            "A user with two-factor sign-in can't be used: it is not documented for this interface.",
            "Ein Benutzer mit Zwei-Faktor-Anmeldung kann nicht verwendet werden: Für diese Schnittstelle ist sie nicht "
            "dokumentiert.",
        ),
        Sentence(
            "Groups can be made and changed there, but not deleted; only those are found that an account, a signature, "
            "a filter or a mail names.",
            "Gruppen können dort angelegt und geändert, aber nicht gelöscht werden; gefunden werden nur die, die ein "
            "Konto, eine Signatur, ein Filter oder eine Mail nennt.",
        ),
        Sentence(
            "The rule that files incoming mail of an account, and the filters “Pool”, “My mails”, “Sent” and "
            "“Checked”, have to be made in GREYHOUND.",
            "Die Regel, die eingehende Mails eines Kontos einordnet, und die Filter „Pool“, „Meine Mails“, „Gesendete "
            "Elemente“ und „Geprüft“ müssen in GREYHOUND angelegt werden.",
        ),
        Sentence(
            "What is deleted or set done in Beleg is not deleted or set done in GREYHOUND.",
            "Was in Beleg gelöscht oder erledigt wird, wird in GREYHOUND nicht gelöscht oder erledigt.",
        ),
    )
    requirements = (
        Sentence("GREYHOUND of version 5 or later.", "GREYHOUND ab Version 5."),
        Sentence(
            "Its HTTPS interface (port 443, /json) reachable from this machine, with a certificate for that name: of a "
            "known authority, or of your own, which is entered here.",
            "Die HTTPS-Schnittstelle (Port 443, /json) von diesem Rechner aus erreichbar, mit einem Zertifikat auf "
            "diesen Namen: von einer bekannten Zertifizierungsstelle oder von einer eigenen, die hier eingetragen "
            "wird.",
        ),
        Sentence(
            "A user with the rights of an administrator; each client id takes one of the connections that GREYHOUND "
            "allows a user.",
            "Ein Benutzer mit Administratorrechten; jede Client-ID belegt eine der Verbindungen, die GREYHOUND einem "
            "Benutzer erlaubt.",
        ),
        Sentence(
            "A contact is written back where its record carries the GREYHOUND id as a reference of the kind "
            "“greyhound”.",
            "Ein Kontakt wird zurückgeschrieben, wenn sein Datensatz die GREYHOUND-ID als Referenz der Art „greyhound“ "
            "trägt.",
        ),
    )

    def check(self, settings: ServerSettings) -> Iterator[CheckStep]:
        """Reachable, TLS, version, sign-in."""
        try:
            with _client(settings) as client:
                try:
                    version = client.version()
                    error = None
                except MailServerError as raised:
                    error = raised
                if error and error.fault in ("unreachable", "unsupported"):
                    yield _failed("reach", error)
                    return
                yield CheckStep("reach", _TITLES["reach"], True, _REACHED)
                if error and error.fault == "tls":
                    yield _failed("tls", error)
                    return
                yield CheckStep("tls", _TITLES["tls"], True, _TRUSTED)
                if error:
                    yield _failed("sign_in" if error.fault == "sign_in" else "version", error)
                    return
                shown = ".".join(map(str, version)) or "?"
                ok = bool(version) and version[0] >= OLDEST
                said = _VERSION if ok else _TOO_OLD if version else _NO_VERSION
                yield CheckStep("version", _TITLES["version"], ok, said, {"version": shown, "oldest": OLDEST})
                if not ok:
                    return
                try:
                    client.call("RpcPop3Accounts.GetList", again=True)
                except MailServerError as raised:
                    yield _failed("sign_in", raised)
                    return
                yield CheckStep("sign_in", _TITLES["sign_in"], True, _SIGNED_IN)
        except MailServerError as raised:  # the settings can't be used as they are
            yield _failed("tls" if raised.fault == "tls" else "reach", raised)

    @contextmanager
    def open(self, settings: ServerSettings) -> Iterator[ServerSession]:
        """A session. Nothing is sent before it is asked something."""
        from beleg_greyhound.session import Session

        with _client(settings) as client:
            yield Session(client)


@contextmanager
def _client(settings: ServerSettings):  # type: ignore[no-untyped-def]  # its type is loaded when it is needed
    from beleg_greyhound.client import Client

    client = Client(settings)
    try:
        yield client
    finally:
        client.close()


def _failed(what: str, error: MailServerError) -> CheckStep:
    return CheckStep(what, _TITLES[what], False, error.sentence, error.values, error.server)


_TITLES = {
    "reach": Sentence("Reachable", "Erreichbar"),
    "tls": Sentence("Certificate", "Zertifikat"),
    "version": Sentence("Version", "Version"),
    "sign_in": Sentence("Sign-in", "Anmeldung"),
}
_REACHED = Sentence("the server answers", "der Server antwortet")
_TRUSTED = Sentence(
    "the connection is encrypted, its certificate trusted", "verschlüsselt, Zertifikat vertrauenswürdig"
)
_VERSION = Sentence("version {version}", "Version {version}")
_TOO_OLD = Sentence(
    "version {version} is too old; {oldest} or later is needed", "Version {version} ist zu alt; nötig ist ab {oldest}"
)
_NO_VERSION = Sentence(
    "the server did not say its version in a known form", "der Server nannte seine Version nicht in bekannter Form"
)
_SIGNED_IN = Sentence("signed in", "angemeldet")
