"""What a person is told, in both languages."""

from beleg import Sentence

POP3 = Sentence("POP3", "POP3")

# --- steps of a check

REACH = Sentence("Server reachable", "Server erreichbar")
REACHED = Sentence("{host} answers on port {port}.", "{host} antwortet auf Port {port}.")
TLS = Sentence("Encryption", "Verschlüsselung")
ENCRYPTED = Sentence("{version}, and the certificate is trusted.", "{version}, und dem Zertifikat wird vertraut.")
SIGN_IN = Sentence("Sign-in", "Anmeldung")
SIGNED_IN = Sentence("Signed in as {user}.", "Angemeldet als {user}.")
COUNT = Sentence("Mailbox", "Postfach")
COUNTED = Sentence(
    "E-mails that lie there: {count}, with {size} bytes. Nothing was changed.",
    "E-Mails, die dort liegen: {count}, mit {size} Bytes. Es wurde nichts verändert.",
)

# --- connection

UNREACHABLE = Sentence(
    "{host} can't be reached on port {port}: {fault}. Check host and port.",
    "{host} ist auf Port {port} nicht erreichbar: {fault}. Prüfen Sie Host und Port.",
)
SILENT = Sentence(
    "{host} (port {port}) did not answer within {seconds} seconds. Check the port, and whether the connection is the "
    "right one (TLS or not).",
    "{host} (Port {port}) hat innerhalb von {seconds} Sekunden nicht geantwortet. Prüfen Sie den Port und ob die "
    "Verbindungsart stimmt (TLS oder nicht).",
)
TOO_SLOW = Sentence(
    "{host} answers too slowly; the connection was given up.",
    "{host} antwortet zu langsam; die Verbindung wurde aufgegeben.",
)
LOST = Sentence(
    "The connection to {host} broke; what was not complete was thrown away.",
    "Die Verbindung zu {host} ist abgebrochen; Unvollständiges wurde verworfen.",
)
NO_POP3 = Sentence(
    "What {host} answers on port {port} is no POP3. Check the port.",
    "Was {host} auf Port {port} antwortet, ist kein POP3. Prüfen Sie den Port.",
)
TOO_LONG = Sentence(
    "An answer of {host} is longer than it can be; the connection was given up.",
    "Eine Antwort von {host} ist länger, als sie sein kann; die Verbindung wurde aufgegeben.",
)
ENDED = Sentence(
    "The session with {host} has ended after a fault.", "Die Sitzung mit {host} ist nach einem Fehler beendet."
)

# --- TLS

UNTRUSTED = Sentence(
    "The certificate of {host} is not trusted: {fault}. Correct the server's name, or have its certificate authority "
    "trusted; nothing was sent.",
    "Dem Zertifikat von {host} wird nicht vertraut: {fault}. Berichtigen Sie den Servernamen oder lassen Sie der "
    "Zertifizierungsstelle vertrauen; es wurde nichts gesendet.",
)
NO_TLS = Sentence(
    "{host} does not speak TLS on port {port} ({fault}). Check port and connection.",
    "{host} spricht auf Port {port} kein TLS ({fault}). Prüfen Sie Port und Verbindungsart.",
)
NO_STLS = Sentence(
    "{host} offers no STARTTLS on port {port}, so no password was sent. Choose SSL/TLS with its port.",
    "{host} bietet auf Port {port} kein STARTTLS an, darum wurde kein Passwort gesendet. Wählen Sie SSL/TLS mit dessen "
    "Port.",
)
INJECTED = Sentence(
    "{host} (or somebody between) sent something unencrypted behind its yes to STARTTLS; nothing was sent.",
    "{host} (oder jemand dazwischen) hat hinter seinem Ja zu STARTTLS Unverschlüsseltes gesendet; es wurde nichts "
    "gesendet.",
)
NO_AUTHORITIES = Sentence(
    "The certificates that are to be trusted can't be read ({fault}). They must be in PEM.",
    "Die Zertifikate, denen vertraut werden soll, sind nicht lesbar ({fault}). Sie müssen in PEM vorliegen.",
)

# --- signing in

NO_USER = Sentence("The user name is missing.", "Der Benutzername fehlt.")
NO_SECRET = Sentence("The password is missing.", "Das Passwort fehlt.")
NO_TOKEN = Sentence("The account is not linked.", "Das Konto ist nicht verknüpft.")
UNSENDABLE = Sentence(
    "User name or password has a line break or a character that can't be sent; nothing was sent.",
    "Benutzername oder Passwort enthält einen Zeilenumbruch oder ein Zeichen, das nicht gesendet werden kann; es wurde "
    "nichts gesendet.",
)
REFUSED = Sentence(
    "{host} refused the sign-in. Check user name and password.",
    "{host} hat die Anmeldung abgelehnt. Prüfen Sie Benutzername und Passwort.",
)
REFUSED_TOKEN = Sentence(
    "{host} refused the link's sign-in. Link the account again.",
    "{host} hat die Anmeldung über die Verknüpfung abgelehnt. Verknüpfen Sie das Konto erneut.",
)
NO_APOP = Sentence(
    "{host} offers no APOP (its greeting has no message id); nothing was sent. Choose login over TLS.",
    "{host} bietet kein APOP an (die Begrüßung enthält keine Nachrichten-ID); es wurde nichts gesendet. Wählen Sie die "
    "Anmeldung mit Passwort über TLS.",
)
NO_XOAUTH2 = Sentence(
    "{host} offers no sign-in by OAuth2 (XOAUTH2).", "{host} bietet keine Anmeldung über OAuth2 (XOAUTH2) an."
)
NO_SUCH_AUTH = Sentence(
    "POP3 knows no sign-in named {auth}. Choose login, APOP or OAuth2.",
    "POP3 kennt keine Anmeldung namens {auth}. Wählen Sie Login, APOP oder OAuth2.",
)

# --- the mailbox

BUSY = Sentence(
    "Another program has the mailbox open. It is tried again later.",
    "Ein anderes Programm hat das Postfach geöffnet. Es wird später erneut versucht.",
)
TEMPORARY = Sentence(
    "{host} has a fault of its own at the moment. It is tried again later.",
    "{host} hat gerade selbst eine Störung. Es wird später erneut versucht.",
)
PERMANENT = Sentence(
    "{host} has a fault that its administrator must repair.",
    "{host} hat eine Störung, die dessen Administrator beheben muss.",
)
NO_UIDL = Sentence(
    "{host} gives no unique ids (UIDL); without them mail can't be fetched without loss or doubles.",
    "{host} vergibt keine eindeutigen Kennungen (UIDL); ohne sie kann nicht verlust- und dublettenfrei abgerufen "
    "werden.",
)
NOT_THERE = Sentence("There is no e-mail {uid} on {host}.", "Es gibt keine E-Mail {uid} auf {host}.")
NOT_GIVEN = Sentence(
    "{host} did not hand over an e-mail (unique id {uid}). It stays there; it is tried again later.",
    "{host} hat eine E-Mail (Kennung {uid}) nicht herausgegeben. Sie bleibt dort; es wird später erneut versucht.",
)
NOT_DELETED = Sentence(
    "{host} did not delete all e-mails that it was to delete. It is tried again later.",
    "{host} hat nicht alle E-Mails gelöscht, die es löschen sollte. Es wird später erneut versucht.",
)
