"""What the plugin says."""

from beleg import Sentence

TITLE = Sentence("SMTP", "SMTP")
REACH = Sentence("Reach the server", "Server erreichen")
TLS = Sentence("Encryption", "Verschlüsselung")
SIGN_IN = Sentence("Sign in", "Anmelden")

REACHED = Sentence("{host} answers on port {port}", "{host} antwortet auf Port {port}")
PROTECTED = Sentence(
    "{version}, and the certificate is trusted", "{version}, und dem Zertifikat wird vertraut"
)  # fmt: skip
SIGNED_IN = Sentence("Signed in as {user}; nothing was sent", "Angemeldet als {user}; gesendet wurde nichts")
NOBODY = Sentence(
    "No sign-in is asked for; nothing was sent", "Eine Anmeldung ist nicht verlangt; gesendet wurde nichts"
)  # fmt: skip

NO_HOST = Sentence(
    "There is no server {host}: check the name of the host",
    "Den Server {host} gibt es nicht: Prüfen Sie den Namen des Hosts",
)
UNREACHABLE = Sentence(
    "{host} can't be reached on port {port}: check host and port, and that no firewall is in between",
    "{host} ist auf Port {port} nicht erreichbar: Prüfen Sie Host und Port und ob eine Firewall dazwischen ist",
)
SILENT = Sentence(
    "{host} did not answer within {seconds} seconds", "{host} hat nicht innerhalb von {seconds} Sekunden geantwortet"
)  # fmt: skip
LOST = Sentence("{host} ended the connection", "{host} hat die Verbindung beendet")
NO_REPLY = Sentence(
    "What {host} says on port {port} is no SMTP: check the port, and whether the connection is SSL/TLS",
    "Was {host} auf Port {port} sagt, ist kein SMTP: Prüfen Sie den Port und ob die Verbindung SSL/TLS ist",
)
TURNED_AWAY = Sentence("{host} takes no mail at the moment", "{host} nimmt zurzeit keine Post an")

NO_STARTTLS = Sentence(
    "{host} offers no STARTTLS on port {port}, so no password was sent: choose SSL/TLS (port 465), or another port",
    "{host} bietet auf Port {port} kein STARTTLS an, daher wurde kein Kennwort gesendet: Wählen Sie SSL/TLS (Port 465) "
    "oder einen anderen Port",
)
UNTRUSTED = Sentence(
    "The certificate of {host} is not trusted ({why}), so nothing was sent: check the host's name, or enter the "
    "certificate authority",
    "Dem Zertifikat von {host} wird nicht vertraut ({why}), daher wurde nichts gesendet: Prüfen Sie den Namen des "
    "Hosts, oder hinterlegen Sie die Zertifizierungsstelle",
)
NO_TLS = Sentence(
    "No encrypted connection with {host} on port {port} came about ({why}): check port and connection (STARTTLS is "
    "usual on 587, SSL/TLS on 465)",
    "Mit {host} auf Port {port} kam keine verschlüsselte Verbindung zustande ({why}): Prüfen Sie Port und Verbindung "
    "(STARTTLS ist auf 587 üblich, SSL/TLS auf 465)",
)
NO_AUTHORITIES = Sentence(
    "The certificate authority that was entered is no certificate in PEM",
    "Die hinterlegte Zertifizierungsstelle ist kein Zertifikat in PEM",
)

BAD_CREDENTIALS = Sentence(
    "User name and password can't have a line break or a NUL character; nothing was sent",
    "Benutzername und Kennwort dürfen keinen Zeilenumbruch und kein NUL-Zeichen enthalten; gesendet wurde nichts",
)
NO_APOP = Sentence(
    "APOP does not exist for SMTP: choose login or OAuth2",
    "APOP gibt es für SMTP nicht: Wählen Sie Anmeldung mit Kennwort oder OAuth2",
)
NO_MECHANISM = Sentence(
    "{host} offers no sign-in by {wanted} on this connection: check the authentication, or choose STARTTLS or SSL/TLS",
    "{host} bietet auf dieser Verbindung keine Anmeldung mit {wanted} an: Prüfen Sie die Authentifizierung, oder "
    "wählen Sie STARTTLS oder SSL/TLS",
)
BAD_PASSWORD = Sentence(
    "{host} refused user name or password of {user}", "{host} hat Benutzername oder Kennwort von {user} abgelehnt"
)  # fmt: skip
BAD_TOKEN = Sentence(
    "{host} refused the link of {user}: link the account again",
    "{host} hat die Verknüpfung von {user} abgelehnt: Verknüpfen Sie das Konto neu",
)
NOT_SIGNED_IN = Sentence(
    "{host} takes mail only from who signs in: choose an authentication",
    "{host} nimmt Post nur nach einer Anmeldung an: Wählen Sie eine Authentifizierung",
)
SIGN_IN_LATER = Sentence(
    "{host} can't check the sign-in at the moment", "{host} kann die Anmeldung zurzeit nicht prüfen"
)  # fmt: skip

BAD_ADDRESS = Sentence(
    "{address} can't be an address; nothing was sent", "{address} kann keine Adresse sein; gesendet wurde nichts"
)  # fmt: skip
NO_RECIPIENTS = Sentence(
    "There is nobody to send it to; nothing was sent", "Es gibt keinen Empfänger; gesendet wurde nichts"
)  # fmt: skip
BAD_BYTES = Sentence(
    "The mail has a NUL character or a line that does not end in CRLF; nothing was sent",
    "Die E-Mail hat ein NUL-Zeichen oder eine Zeile, die nicht mit CRLF endet; gesendet wurde nichts",
)
TOO_LARGE = Sentence(
    "The mail has {size} bytes, and {host} takes at most {most}",
    "Die E-Mail hat {size} Bytes, und {host} nimmt höchstens {most} an",
)
NO_SMTPUTF8 = Sentence(
    "An address of this mail has letters that are not ASCII before the @, which {host} does not take",
    "Eine Adresse dieser E-Mail hat vor dem @ Buchstaben außerhalb von ASCII, was {host} nicht annimmt",
)
NO_8BITMIME = Sentence(
    "The mail has 8-bit bytes, which {host} does not take",
    "Die E-Mail enthält 8-Bit-Zeichen, die {host} nicht annimmt",
)
SENDER_REFUSED = Sentence("{host} sends nothing from {sender}", "{host} sendet nichts von {sender}")
RECIPIENTS_REFUSED = Sentence("{host} refused all recipients", "{host} hat alle Empfänger abgelehnt")
MAIL_REFUSED = Sentence("{host} refused the mail", "{host} hat die E-Mail abgelehnt")
LATER = Sentence("{host} can't take the mail at the moment", "{host} kann die E-Mail zurzeit nicht annehmen")
UNCLEAR = Sentence(
    "{host} got the mail whole, but did not say that it has taken it: it may have been sent",
    "{host} hat die E-Mail vollständig erhalten, ihre Annahme aber nicht bestätigt: Sie kann gesendet worden sein",
)
