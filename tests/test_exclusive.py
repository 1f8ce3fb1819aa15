"""Work that one process at a time may do."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from beleg.store import Database
from beleg.store.exclusive import only_one


def test_one_at_a_time(database: Database) -> None:
    with only_one(database, "fetch:1") as first:
        with only_one(database, "fetch:1") as second, only_one(database, "fetch:2") as other:
            assert (first, second, other) == (True, False, True)
        with only_one(database, "fetch:1") as still:
            assert not still
    with only_one(database, "fetch:1") as again:
        assert again


def test_who_waits_is_next(database: Database) -> None:
    got = []

    def wait() -> None:
        with only_one(database, "link:1", wait=10) as held:
            got.append(held)

    with only_one(database, "link:1"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.1)
        assert got == []
    waiting.join()
    assert got == [True]


def test_it_goes_with_the_process_that_has_it(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    code = (
        "import sys, time\nfrom beleg.store import Database\nfrom beleg.store.exclusive import only_one\n"
        f"with only_one(Database({url!r}), 'fetch:1') as held:\n    print(held, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with only_one(database, "fetch:1") as held:
            assert not held
        other.kill()
    with only_one(database, "fetch:1", wait=10) as held:
        assert held
