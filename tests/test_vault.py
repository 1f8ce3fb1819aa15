"""Secrets at rest: the vault, its key file, rotation, and that no secret is ever told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import insert, select

from beleg.accounts import Accounts, AccountSettings, keys
from beleg.errors import InputError
from beleg.plugins import installed
from beleg.store import Database, account_tables, sealed
from beleg.store.tables import Table
from beleg.vault import FileVault, Vault, add_key, new_key, read_keys, unlock, write_keys
from beleg.workspace import Workspace
from commands import Cli
from linked import Plugin, mailbox

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
PASSWORD = SecretStr("Pässwort: geheim")


# --- sealing


@given(st.text())
def test_what_is_sealed_comes_back(secret: str) -> None:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return
    vault = Vault([KEY])
    found = vault.seal(SecretStr(secret))
    assert vault.open(found).get_secret_value() == secret
    assert (found == "") == (secret == "")
    if len(secret) > 3:
        assert secret not in found
    if secret:
        assert vault.seal(SecretStr(secret)) != found  # two that are the same do not look the same


KEY = new_key()


def test_old_keys_open_and_the_newest_seals() -> None:
    old, new = new_key(), new_key()
    before = Vault([old]).seal(PASSWORD)
    both = Vault([new, old])
    assert both.open(before) == PASSWORD
    renewed = both.renew(before)
    assert Vault([new]).open(renewed) == PASSWORD
    with pytest.raises(InputError, match="no key in BELEG_KEY fits"):
        Vault([new]).open(before)
    assert both.renew("") == ""


@pytest.mark.parametrize("broken", ["x", "gAAAA", "ü", "{}", "gAAAAAB" + "x" * 200])
def test_what_nothing_sealed_is_refused(broken: str) -> None:
    with pytest.raises(InputError, match="fits what is stored"):
        Vault([KEY]).open(broken)


def test_nothing_of_a_vault_shows_its_keys() -> None:
    vault = Vault([KEY])
    assert KEY not in repr(vault) + str(vault) + repr(vars(vault))
    for wrong in (["secret-but-no-key"], [KEY, KEY[:-3]], []):
        with pytest.raises(InputError) as caught:
            Vault(wrong)
        assert not any(each in str(caught.value) for each in wrong if each)


# --- the key file


@posix
def test_a_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    [key] = read_keys(file)
    assert Fernet(key)
    for mode in (0o640, 0o604, 0o660):
        file.chmod(mode)
        with pytest.raises(InputError, match="chmod 600"):
            unlock(file, {})
    file.chmod(0o400)
    unlock(file, {})


def test_faulty_key_files_are_told(tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    with pytest.raises(InputError, match="make one: beleg key new"):
        unlock(file, {})
    for content in (b"", b"\n \n", "schlüssel".encode(), b"no key", b"\0" * 44):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(InputError, match="holds no keys"):
            unlock(file, {})
    with pytest.raises(InputError, match="can't be read"):
        unlock(tmp_path, {})


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    one, two = new_key(), new_key()
    found = unlock(file, {"BELEG_KEY": f" {one}\n{two} "}).seal(PASSWORD)
    assert Vault([one]).open(found) == PASSWORD
    assert isinstance(unlock(file, {"BELEG_KEY": " "}), FileVault)


def test_keys_are_replaced_at_once_and_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.key", tmp_path / "beleg.key"
    link.symlink_to(real)
    add_key(link)
    assert link.is_symlink()
    (tmp_path / ".real.key.new").write_text("half a key of a run that was kil")
    add_key(link)
    assert link.is_symlink()
    assert len(read_keys(link)) == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["beleg.key", "real.key"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_root_does_not_take_the_key_from_the_service(tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    os.chown(file, 65534, 65534)
    add_key(file)
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)


def test_a_vault_follows_its_file(tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    vault = unlock(file, {})
    before = vault.seal(PASSWORD)
    add_key(file)
    after = vault.seal(PASSWORD)
    assert Vault(read_keys(file)[:1]).open(after) == PASSWORD
    assert vault.open(before) == PASSWORD
    write_keys(file, read_keys(file)[:1])
    with pytest.raises(InputError, match="fits what is stored"):
        vault.open(before)


# --- rotation


def kept(database: Database, file: Path) -> Accounts:
    """Accounts with a password, a provider, a link, a request and a server: each sealed column has a value."""
    accounts = Accounts(
        Workspace(database, installed(extra=[("test", Plugin())])), lambda: unlock(file, {}), AccountSettings()
    )
    account = mailbox(accounts)
    accounts.change(account.id, "Ada", auth="login", password=PASSWORD)
    accounts.links.set_provider(
        "house", "Ada", PASSWORD, client_id="x", scopes="a", authorize="https://a.example", token="https://t.example"
    )
    value = accounts.vault.seal(PASSWORD)
    with accounts.writing() as connection:
        connection.execute(insert(account_tables.oauth_link).values(
            provider="house", key="k", tokens=value, state="linked", error="",
        ))  # fmt: skip
        connection.execute(insert(account_tables.oauth_request).values(
            state="s", account=account.id, provider="house", key="k", redirect="r", browser="b", verifier=value, at=1,
        ))  # fmt: skip
        connection.execute(insert(account_tables.mail_server).values(
            name="greyhound", active=False, managed=False, fields="{}", secret=value, fault="", error="", failures=0,
            halted=False, read_to=0,
        ))  # fmt: skip
    return accounts


def values(database: Database) -> list[str]:
    with database.begin(write=False) as connection:
        return [v for c in sealed.COLUMNS for v in connection.scalars(select(c).where(c != ""))]


def test_every_column_that_is_encrypted_is_listed() -> None:
    names = {"secret", "tokens", "verifier"}
    found = {str(each) for table in Table.metadata.sorted_tables for each in table.columns if each.name in names}
    assert found == {str(each) for each in sealed.COLUMNS}


def test_rotation_seals_everything_anew(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    accounts = kept(database, file)
    before, old = values(database), read_keys(file)
    assert keys.rotate(database, file, {}) == len(before) == 5
    after, new = values(database), read_keys(file)
    assert (len(new), set(new) & set(old), set(after) & set(before)) == (1, set(), set())
    assert {Vault(new).open(each) for each in after} == {PASSWORD}
    assert accounts.endpoint(accounts.accounts("in")[0]).secret == PASSWORD  # it goes on, as a server would


def test_rotation_with_keys_of_the_environment(sqlite: Database, tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    kept(sqlite, file)
    [old], new = read_keys(file), new_key()
    assert keys.rotate(sqlite, file, {"BELEG_KEY": f"{new} {old}"}) == 5
    assert {Vault([new]).open(each) for each in values(sqlite)} == {PASSWORD}
    assert read_keys(file) == [old]


def test_rotation_is_all_or_nothing(sqlite: Database, tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    kept(sqlite, file)
    with sqlite.begin() as connection:
        connection.execute(account_tables.mail_server.update().values(secret=Vault([new_key()]).seal(PASSWORD)))
    before = values(sqlite)
    with pytest.raises(InputError, match="fits what is stored"):
        keys.rotate(sqlite, file, {})
    assert values(sqlite) == before
    vault = unlock(file, {})
    assert [vault.open(each) for each in before[:-1]] == [PASSWORD] * (len(before) - 1)


KILLED = """
import os, sys
from pathlib import Path
from beleg import vault
from beleg.accounts import keys
from beleg.store import Database, sealed

step = int(sys.argv[3])
calls = 0

def dying(act):
    def wrapped(*arguments):
        global calls
        calls += 1
        if calls == step:
            os._exit(9)
        made = act(*arguments)
        calls += 1
        if calls == step:
            os._exit(9)
        return made
    return wrapped

keys.add_key = dying(keys.add_key)
keys.write_keys = dying(keys.write_keys)
sealed.renew = dying(sealed.renew)
keys.rotate(Database(sys.argv[1]), Path(sys.argv[2]), {})
"""


@pytest.mark.parametrize("step", range(1, 7))
def test_a_rotation_that_is_killed_loses_nothing(sqlite: Database, tmp_path: Path, step: int) -> None:
    """Before and after: the new key is written, everything is sealed anew, the old keys are dropped."""
    file = tmp_path / "beleg.key"
    add_key(file)
    kept(sqlite, file)
    url = sqlite.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, "-c", KILLED, url, str(file), str(step)], check=False)
    assert ended.returncode == 9
    vault = unlock(file, {})
    assert {vault.open(each) for each in values(sqlite)} == {PASSWORD}
    keys.rotate(sqlite, file, {})
    assert len(read_keys(file)) == 1
    assert {unlock(file, {}).open(each) for each in values(sqlite)} == {PASSWORD}


def test_what_is_stored_during_rotations_can_be_opened(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    accounts = kept(database, file)
    account = accounts.accounts("in")[0]
    ended = threading.Event()
    faults: list[Exception] = []

    def write() -> None:
        while not ended.is_set():
            try:
                accounts.change(account.id, "Ada", password=PASSWORD)
                ended.wait(0.005)  # else nobody else comes to write
            except Exception as error:
                faults.append(error)
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            keys.rotate(database, file, {})
    finally:
        ended.set()
        thread.join()
    assert faults == []
    vault = Vault(read_keys(file))
    assert {vault.open(each) for each in values(database)} == {PASSWORD}


# --- the commands


def test_the_commands_of_keys(cli: Cli) -> None:
    cli("init")
    Path("beleg.key").unlink()
    assert "make one: beleg key new" in cli.refused("key", "rotate")
    assert "beleg.key written" in cli("key", "new")
    first = read_keys(Path("beleg.key"))
    assert "there is a key already" in cli.refused("key", "new")
    assert "0 secrets are encrypted with a new key" in cli("key", "rotate")
    assert read_keys(Path("beleg.key")) != first
    Path("beleg.key").chmod(0o644)
    assert "chmod 600" in cli.refused("key", "rotate")
    printed = cli("key", "new", "--print").strip()
    assert Fernet(printed)
    assert printed not in Path("beleg.key").read_text()


def test_the_command_with_keys_of_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init")
    before = Path("beleg.key").read_text()
    monkeypatch.setenv("BELEG_KEY", f"{new_key()} {new_key()}")
    assert "with the first key of BELEG_KEY" in cli("key", "rotate")
    assert Path("beleg.key").read_text() == before
    monkeypatch.setenv("BELEG_KEY", "verschrieben")
    result = cli.run("--debug", "key", "rotate")
    assert result.code == 2
    assert "verschrieben" not in result.err.replace("BELEG_KEY", "")
