"""What several test modules share: both databases, the folder of shared material, the installed plugins."""

from __future__ import annotations

import os
import pwd
import secrets
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
from typing import Any

import psycopg
import pytest

from beleg.plugins import Installed
from beleg.plugins import installed as all_installed
from beleg.store import Database

pytest.register_assert_rewrite("commands")  # what its assertions compared is shown, as of a test's own

from commands import Cli  # noqa: E402, imported once it is to be rewritten
from mailservers.dovecot import dovecot as dovecot  # noqa: E402, as above
from mailservers.postfix import postfix as postfix  # noqa: E402, as above

FIXTURES = Path(__file__).parents[1] / "fixtures"
SHARED = Path(__file__).parents[1].parent / "shared"
ROOM = 2 * 1024**3
"""Bytes that must be free where databases lie in memory."""


@pytest.fixture(scope="session")
def installed() -> Installed:
    """Everything that is installed, as a user has it."""
    return all_installed()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material that is shared beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"there is no {SHARED}")
    return SHARED


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BELEG_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def cli(folder: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in an empty folder."""
    return Cli(folder, capsys)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of each kind, its schema up to date."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database, its schema up to date: a copy takes a hundredth of the time."""
    path = tmp_path_factory.mktemp("empty") / "beleg.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    database.close()
    return path


@pytest.fixture
def sqlite(tmp_path: Path, empty_file: Path) -> Iterator[Database]:
    """An empty SQLite database, its schema up to date."""
    shutil.copy(empty_file, tmp_path / "beleg.db")
    database = Database(f"sqlite:///{tmp_path}/beleg.db")
    yield database
    database.close()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[Database]:
    """An empty PostgreSQL database, its schema up to date."""
    url = postgres_server.fresh_database()
    database = Database(url)
    yield database
    database.close()
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own on a free loopback port."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL is installed (initdb and postgres are neither on PATH nor found by pg_config)")
    folder = _open_folder()
    server = PostgresServer(programs, folder, _unprivileged_user())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`."""
    folders = [Path(found).resolve().parent for name in ("postgres", "initdb") if (found := shutil.which(name))]
    if config := shutil.which("pg_config"):
        found = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        folders.append(Path(found))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """As whom the server runs: it refuses root. None is ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return pytest.fail("we are root, which PostgreSQL refuses, and there is neither a user postgres nor nobody")


def _open_folder() -> Path:
    """A new folder that another user can reach (pytest's own are for us alone); in memory where there is room, for
    there a new database takes a quarter of the time."""
    memory = ["/dev/shm"] if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > ROOM else []
    for base in dict.fromkeys(map(Path, (*memory, tempfile.gettempdir(), "/tmp", "/var/tmp"))):
        reachable = all(each.stat().st_mode & 0o001 for each in (base, *base.parents)) if base.is_dir() else False
        if reachable or os.geteuid() != 0:
            return Path(tempfile.mkdtemp(prefix="beleg-postgres-", dir=base))
    return pytest.fail("no temporary folder can be reached by another user")


@dataclass
class PostgresServer:
    """A running server, with a template database that has the schema."""

    programs: Path
    folder: Path
    user: pwd.struct_passwd | None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    databases: int = 0

    def start(self) -> None:
        self._initialise()
        for _ in range(5):  # another process may take the port between our look and the server's start
            self.port = _free_port()
            self.process = self._popen("postgres", "-D", self.data, "-p", self.port, *_options())
            if self._answers():
                break
            self.stop()
        else:
            pytest.fail(f"PostgreSQL did not start:\n{self._log()}")
        self._execute("CREATE DATABASE template_beleg")
        template = Database(self.url("template_beleg"))
        template.upgrade()
        template.close()

    def stop(self) -> None:
        """End the server that we started, by its process id."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # "immediate": nothing in it is worth a checkpoint
            self.process.wait(20)
        self.process = None

    def fresh_database(self) -> str:
        """The URL of a new database with the schema."""
        self.databases += 1
        name = f"beleg_{self.databases}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template_beleg STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Have a database gone: hundreds of them would take a minute to delete at the end."""
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def url(self, name: str) -> str:
        return f"postgresql://beleg:{self.password}@127.0.0.1:{self.port}/{name}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _initialise(self) -> None:
        self.password = secrets.token_hex(16)
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self.user:
            for path in (secret, self.folder):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        common = (
            "-D",
            self.data,
            "-U",
            "beleg",
            "-A",
            "scram-sha-256",
            "--pwfile",
            secret,
            "-E",
            "UTF8",
            "--no-sync",
        )
        # A language's own order, not that of the bytes, so that a forgotten collation is noticed.
        for locale in (("--locale=C", "--locale-provider=icu", "--icu-locale=de"), ("--locale=C",)):
            if self._popen("initdb", *common, *locale).wait() == 0:
                return
            shutil.rmtree(self.data, ignore_errors=True)
        pytest.fail(f"initdb failed:\n{self._log()}")

    def _popen(self, program: str, *arguments: object) -> subprocess.Popen[bytes]:
        as_user: dict[str, Any] = {}
        if self.user:
            as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.programs / program), *map(str, arguments)],
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server in order
                **as_user,
            )

    def _answers(self) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            with suppress(psycopg.OperationalError):
                self._execute("SELECT 1")
                return True
            time.sleep(0.05)
        return False

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="beleg",
            password=self.password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(statement.encode())

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _options() -> Iterator[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "64MB",
        "max_connections": "30",
    }
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")
