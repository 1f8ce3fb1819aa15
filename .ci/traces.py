"""Write the trace of every scenario in fixtures/ and of every mail of the demo, one a line, to a file."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from beleg import demo, scenario
from beleg.plugins import Installed, installed
from beleg.store import Database
from beleg.trace import Trace, encode
from beleg.workspace import Workspace

FIXTURES = Path(__file__).parents[1] / "fixtures"


def of_scenarios(having: Installed) -> Iterator[Trace]:
    for each in scenario.load_all([FIXTURES], having):
        yield scenario.run(each, having).decision.trace


def of_demo(having: Installed, folder: str) -> Iterator[Trace]:
    database = Database(f"sqlite:///{folder}/beleg.db")
    database.upgrade()
    workspace = Workspace(database, having)
    demo.fill(workspace)
    for row in workspace.everything():
        yield workspace.open(row)[0]
    database.close()


def main(target: str) -> None:
    having = installed()
    with tempfile.TemporaryDirectory() as folder:
        traces = [*of_scenarios(having), *of_demo(having, folder)]
    # `run` is what differs between two runs: time, host.
    lines = [encode(replace(trace, run=None)) for trace in traces]
    Path(target).write_bytes(b"\n".join(lines) + b"\n")
    print(f"{len(lines)} traces")


if __name__ == "__main__":
    main(sys.argv[1])
