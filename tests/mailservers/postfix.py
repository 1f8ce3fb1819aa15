"""A real Postfix: takes mail from who signs in (by the Dovecot of the tests), and delivers into its Maildirs. Nothing
leaves the machine."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailservers.authority import Certificate
from mailservers.dovecot import Dovecot
from mailservers.smtp import free_port

DOMAIN = "example.test"
_PROGRAMS = [Path("/usr/lib/postfix/sbin"), Path("/usr/libexec/postfix"), Path("/usr/lib/postfix")]
_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


@dataclass
class Postfix:
    """A running server; `submission` is its port with STARTTLS, `submissions` that with TLS."""

    folder: Path
    certificate: Certificate
    submission: int
    submissions: int
    process: subprocess.Popen[bytes] | None = None

    def start(self, programs: Path) -> None:
        """Run its master, which starts the others."""
        command = [str(programs / "master"), "-d", "-c", str(self.folder / "conf")]
        with (self.folder / "master.out").open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, start_new_session=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            )
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.submission), 5) as connection:
                connection.settimeout(5)
                if connection.recv(4) == b"220 ":
                    return
            time.sleep(0.05)
        pytest.fail(f"Postfix did not start:\n{self.log()}")

    def stop(self) -> None:
        """End the processes that we started, by the id of their group."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)

    def log(self) -> str:
        """What it says."""
        logs = [self.folder / "master.out", self.folder / "log"]
        return "\n".join(each.read_text(errors="replace")[-3000:] for each in logs if each.exists())


@pytest.fixture(scope="session")
def postfix(dovecot: Dovecot) -> Iterator[Postfix]:
    """One Postfix for all tests, beside the Dovecot."""
    programs = next((each for each in _PROGRAMS if (each / "master").exists()), None)
    if programs is None:
        pytest.skip("no Postfix is installed (apt-get install postfix)")
    try:
        owner, drop = pwd.getpwnam("postfix"), grp.getgrnam("postdrop")
    except KeyError:
        pytest.skip("there is no user postfix or no group postdrop")
    folder = Path(tempfile.mkdtemp(prefix="beleg-postfix-", dir="/tmp"))  # short: the paths of its sockets are bounded
    server = Postfix(folder, dovecot.certificate, free_port(), free_port())
    try:
        folder.chmod(0o755)
        _lay_out(folder, owner.pw_uid, owner.pw_gid, drop.gr_gid)
        _configure(server, dovecot, programs)
        server.start(programs)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(folder: Path, user: int, group: int, drop: int) -> None:
    for name in ("conf", "queue", "queue/pid"):
        (folder / name).mkdir()
    for name in ("data", *(f"queue/{each}" for each in _QUEUES)):
        (folder / name).mkdir(mode=0o700)
        os.chown(folder / name, user, group)
    for name, mode in (("queue/public", 0o710), ("queue/maildrop", 0o1730)):
        (folder / name).mkdir()
        os.chown(folder / name, user, drop)
        (folder / name).chmod(mode)


def _configure(server: Postfix, dovecot: Dovecot, programs: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    main = {
        "compatibility_level": "3.6",
        "queue_directory": server.folder / "queue",
        "data_directory": server.folder / "data",
        "daemon_directory": programs,
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "maillog_file": server.folder / "log",
        "maillog_file_prefixes": server.folder,
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "myhostname": f"mail.{DOMAIN}",
        "mydestination": "",
        "alias_maps": "",
        "disable_dns_lookups": "yes",
        "smtpd_peername_lookup": "no",
        "default_transport": "error:no mail leaves this machine",
        "relay_transport": "error:no mail leaves this machine",
        "local_transport": "error:no mail leaves this machine",
        "virtual_mailbox_domains": DOMAIN,
        "virtual_mailbox_base": dovecot.folder / "mail",
        "virtual_mailbox_maps": f"texthash:{server.folder}/conf/mailboxes",
        "virtual_minimum_uid": "100",
        "virtual_uid_maps": f"static:{nobody.pw_uid}",
        "virtual_gid_maps": f"static:{nobody.pw_gid}",
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"inet:127.0.0.1:{dovecot.sasl}",
        "smtpd_sasl_security_options": "noanonymous",
        "smtpd_tls_cert_file": server.certificate.certificate,
        "smtpd_tls_key_file": server.certificate.key,
        "smtpd_tls_security_level": "may",
        "smtpd_tls_auth_only": "yes",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
        "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
    }
    conf = server.folder / "conf"
    (conf / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    users = [f"user{number}@{DOMAIN}" for number in range(1, 1000)]  # as the Dovecot calls them
    (conf / "mailboxes").write_text("".join(f"{each} {each}/\n" for each in users))
    services = [
        f"127.0.0.1:{server.submission} inet n - n - - smtpd",
        f"127.0.0.1:{server.submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
        "rewrite unix - - n - - trivial-rewrite",
        *(f"{each} unix - - n - 0 bounce" for each in ("bounce", "defer", "trace")),
        "proxymap unix - - n - - proxymap",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "virtual unix - n n - - virtual",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    ]
    (conf / "master.cf").write_text("\n".join(services) + "\n")
