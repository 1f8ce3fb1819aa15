"""The kit for plugin authors: what it collects in a project of theirs, what it says, and what it lets nobody miss."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from beleg.testing import ROUND_TRIPS, StepConformance, read_records, scenarios
from beleg.testing import conformance as kit
from beleg.testing.guard import Forbidden, watching
from beleg.testing.scenarios import everything
from writing import publish

pytest_plugins = ["pytester"]

GOOD = """\
title: The customer's only order
erp:
  contacts: [{id: K-1, addresses: [anna@kunde.example]}]
  orders: [{id: O-1, customer: K-1}]
message: |
  From: anna@kunde.example
  To: shop@firma.example
  Message-ID: <1@kunde.example>
  Subject: Hallo

  Guten Tag
expect:
  assigned: ["order:O-1", "contact:K-1"]
"""
BAD = GOOD.replace("only order", "two orders").replace('["order:O-1", ', "[")


@pytest.fixture(autouse=True)
def _bare(pytester: pytest.Pytester) -> None:
    """A project without settings of its own, and warnings as errors."""
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = -p no:cacheprovider -p no:hypothesispytest\n")


def fixture(pytester: pytest.Pytester, name: str, text: str) -> Path:
    path = pytester.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- scenario files as tests


def test_each_scenario_is_a_test(pytester: pytest.Pytester) -> None:
    fixture(pytester, "fixtures/order/two.yaml", f"{GOOD}---\n{GOOD.replace('only', 'other')}")
    result = pytester.runpytest("-v", "fixtures")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["fixtures/order/two.yaml::The customer's only order PASSED*"])
    assert pytester.runpytest("fixtures/order/two.yaml::The customer's other order").parseoutcomes() == {"passed": 1}
    assert pytester.runpytest().parseoutcomes() == {"passed": 2}


def test_a_failing_scenario_is_explained(pytester: pytest.Pytester) -> None:
    path = fixture(pytester, "fixtures/two.yaml", f"{GOOD}---\n{BAD}")
    result = pytester.runpytest("fixtures")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ The customer's two orders _*",
            f"{path}, line 15",
            "expected to be assigned: contact:K-1; came out: contact:K-1, order:O-1",
            '  Mail "Hallo" * trace *',
            "  Because anna@kunde.example (From) has exactly 1 order: O-1.",
            "FAILED fixtures/two.yaml::The customer's two orders*",
        ]
    )
    result.stdout.no_fnmatch_line("*runtest*")


def test_a_file_that_cant_be_read_is_a_failing_test(pytester: pytest.Pytester) -> None:
    path = fixture(pytester, "fixtures/two.yaml", f"{GOOD}---\n{BAD.replace('contacts:', 'contcts:')}")
    result = pytester.runpytest("fixtures")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"{path}, line 17: unknown key 'contcts'; did you mean 'contacts'?"])
    assert "Traceback" not in result.stdout.str()


def test_a_title_that_is_there_twice(pytester: pytest.Pytester) -> None:
    fixture(pytester, "fixtures/a.yaml", GOOD)
    path = fixture(pytester, "fixtures/b.yaml", GOOD)
    result = pytester.runpytest("fixtures")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f'{path}, line 1: the title "The customer\'s only order" stands in *a.yaml, line 1 *'])


def test_other_peoples_yaml_is_left_alone(pytester: pytest.Pytester) -> None:
    fixture(pytester, "fixtures/notice.yaml", "title: Hello\nmessage: World\n")
    fixture(pytester, "fixtures/broken.yaml", "{")
    fixture(pytester, "other/scenario.yaml", GOOD)
    fixture(pytester, "fixtures/scenario.txt", GOOD)
    fixture(pytester, "test_one.py", "def test_one(): ...")
    assert pytester.runpytest().parseoutcomes() == {"passed": 1}
    # what is named is meant
    result = pytester.runpytest("fixtures/broken.yaml", "other/scenario.yaml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*broken.yaml, line *: this is no valid YAML: *"])


@pytest.mark.parametrize("wrong", ["title:", "message:", "erp:", "expect:"])
def test_a_mistyped_key_does_not_hide_a_scenario(pytester: pytest.Pytester, wrong: str) -> None:
    fixture(pytester, "fixtures/one.yml", GOOD.replace(wrong, f"x{wrong}"))
    result = pytester.runpytest("fixtures")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*one.yml, line *: unknown key 'x{wrong[:-1]}'*"])


def test_folders_by_the_settings(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nbeleg_scenarios = worlds more/worlds\n")
    for number, folder in enumerate(("worlds", "more/worlds", "fixtures", "more")):
        fixture(pytester, f"{folder}/{number}.yaml", GOOD.replace("only", str(number)))
    result = pytester.runpytest("-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["more/worlds/1.yaml::*", "worlds/0.yaml::*"])


def test_with_workers(pytester: pytest.Pytester) -> None:
    fixture(pytester, "fixtures/two.yaml", f"{GOOD}---\n{BAD}")
    pytester.runpytest_subprocess("-n2", "fixtures").assert_outcomes(passed=1, failed=1)


def test_a_step_that_raises_is_shown_with_its_line(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(pytester.path, monkeypatch, "odd", ODD.replace("# HERE", "raise KeyError('here')"))
    monkeypatch.setenv("PYTHONPATH", str(pytester.path / "site-odd"))
    fixture(pytester, "fixtures/one.yaml", GOOD)
    result = pytester.runpytest_subprocess("fixtures")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "step 'odd' failed on message 1@kunde.example: KeyError: 'here'; *",
            "Traceback (most recent call last):",
            '  File "*published_odd.py", line *, in run',
            "KeyError: 'here'",
        ]
    )


def test_a_plugin_that_does_not_load(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(pytester.path, monkeypatch, "odd", "import nothing_of_this_name")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path / "site-odd"))
    fixture(pytester, "fixtures/one.yaml", GOOD)
    result = pytester.runpytest_subprocess("fixtures")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["plugin 'odd' (published_odd) can't be loaded: ModuleNotFoundError: *"])
    assert "Traceback" not in result.stdout.str()


# --- what it costs where it is not used

LOADED = """
import sys
def test_loaded():
    ours = {name for name in sys.modules if name.partition(".")[0] in ("beleg", "yaml")}
    assert ours == {"beleg", "beleg.version", "beleg.pytest_plugin"}
    assert not any(name.startswith("syrupy.extensions.single_file") for name in sys.modules)
"""


def test_nothing_of_beleg_is_imported_until_it_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LOADED)
    fixture(pytester, "fixtures/notice.yaml", "title: Hello\nmessage: World\n")
    pytester.runpytest_subprocess("-p", "no:syrupy").assert_outcomes(passed=1)


def test_it_loads_in_a_moment() -> None:
    from importlib import reload

    from beleg import pytest_plugin

    began = time.perf_counter()
    reload(pytest_plugin)
    assert time.perf_counter() - began < 0.05


# --- snapshots

SNAPSHOT_TEST = """
from pathlib import Path
import pytest
from beleg.testing import explained, scenarios

@pytest.mark.parametrize("scenario", scenarios(Path(__file__).parent / "fixtures"))
def test_explained(scenario, trace_snapshot):
    assert explained(scenario) == trace_snapshot
"""


def test_a_snapshot_is_a_text_file_a_scenario(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SNAPSHOT_TEST)
    fixture(pytester, "fixtures/two.yaml", GOOD)
    pytester.runpytest("test_it.py").assert_outcomes(failed=1)
    pytester.runpytest("test_it.py", "--snapshot-update").assert_outcomes(passed=1)
    [path] = (pytester.path / "__snapshots__" / "test_it").iterdir()
    assert path.name == "test_explained[two-the-customers-only-order].txt"
    text = path.read_text("utf-8")
    assert re.match(r'Mail "Hallo" +trace [0-9a-f]{12}\nASSIGNED  order O-1', text)
    pytester.runpytest("test_it.py").assert_outcomes(passed=1)
    fixture(pytester, "fixtures/two.yaml", GOOD.replace("Hallo", "Hello"))
    result = pytester.runpytest("test_it.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*Mail "Hello"*'])


def test_syrupy_is_missed_by_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(trace_snapshot): ...")
    result = pytester.runpytest("-p", "no:syrupy")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["trace_snapshot needs syrupy, which is not installed: pip install 'beleg[[]testing]'"])


def test_scenarios_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(f"{GOOD}---\n{BAD}", encoding="utf-8")
    assert [each.id for each in scenarios(path)] == ["one-the-customers-only-order", "one-the-customers-two-orders"]


def test_records_as_the_import_reads_them(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id;number\nO-1;AB-1\n")
    [record] = read_records(tmp_path / "orders.csv")
    assert (str(record.ref), record.number) == ("order:O-1", "AB-1")


# --- the conformance test, on a plugin that keeps to it, and on one for each thing that may be wrong

ODD = """
import datetime, os, random, shutil, socket, subprocess, threading, time
from beleg import *

STATE = []
SENTENCES = {"en": Sentences("asked"), "de": Sentences("gefragt")}
BECAUSE = {"en": Sentences("found", "", "because."), "de": Sentences("gefunden", "", "weil.")}

class Odd(Step):
    name = "odd"
    priority = 50

    def clauses(self):
        return [Clause("odd.asked", "own", SENTENCES)]

    def interest(self):
        return Interest((Group("order"),))

    def run(self, context):
        # HERE
        yield self.check(context, "asked")

    def check(self, context, clause, **more):
        hits = [context.lookup.by_address(each.key, Group("order")) for each in context.participants]
        return Check("nothing_found", (RuleSeen(f"odd.{clause}", "held"),), counts={"hits": len(hits)}, **more)

@hookimpl
def beleg_steps():
    return [Odd()]
"""
# what it does, it does while it is watched alone: the other tests are to pass
WATCHED = ODD.replace(
    "# HERE",
    """
        from beleg.testing import guard
        if guard._watch is None:
            yield self.check(context, "asked")
            return
        # HERE""",
)
ELSEWHERE = "another_process_gives_the_same_trace"
# that one takes a second: it has tests of its own
TESTS = [name for name in vars(StepConformance) if name.startswith("test_") and ELSEWHERE not in name]
CLAUSES = "every_clause_is_registered_with_its_sentences"
REACHED = "every_clause_is_reached"
EXPLAINED = "every_decision_can_be_explained"
Said = dict[str, str]


@pytest.fixture
def conformance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Said]]:
    """Runs the conformance test on a plugin; what each of the tests that failed said."""

    def run(code: str, tests: Sequence[str] = TESTS, **more: Any) -> Said:
        publish(tmp_path, monkeypatch, "odd", code)
        (tmp_path / "fixtures").mkdir()
        (tmp_path / "fixtures" / "one.yaml").write_text(GOOD, encoding="utf-8")
        test: Any = type("TestOdd", (StepConformance,), {"plugin": "odd", "scenarios": tmp_path / "fixtures", **more})()
        said = {}
        for name in tests:
            try:
                getattr(test, name)()
            except AssertionError as error:
                said[name.removeprefix("test_")] = str(error)
        return said

    monkeypatch.chdir(tmp_path)
    forget()
    yield run
    forget()
    sys.modules.pop("published_odd", None)


def forget() -> None:
    """What was installed and decided: other plugins are installed now."""
    for cached in (everything, kit._loaded, kit._parameters):
        cached.cache_clear()
    kit._known.clear()


def test_a_good_step(conformance: Callable[..., Said]) -> None:
    assert conformance(ODD) == {}


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("STATE.append(1); facts = {'n': str(len(STATE))}", "decided again"),
        ("facts = {'n': str(datetime.date.today())}", "decided on another day"),
        ("facts = {'n': str(datetime.datetime.now().hour)}", "decided on another day"),
        ("facts = {'n': str(random.random())}", "decided again"),
    ],
)
def test_a_step_that_is_not_pure(conformance: Callable[..., Said], code: str, shown: str) -> None:
    said = conformance(ODD.replace("# HERE", code).replace('(context, "asked")', '(context, "asked", facts=facts)'))
    assert set(said) == {"the_same_input_gives_the_same_trace"}
    [text] = said.values()
    assert f"  The customer's only order: {shown}, the trace is another\n" in text
    assert re.search(r'^    -  +"n": ".*\n    \+  +"n": "', text, re.MULTILINE)


@pytest.mark.parametrize(
    ("value", "same"),
    [("'constant'", True), ("str(os.getpid())", False), ("str(list({f'number {n}' for n in range(20)}))", False)],
)
def test_a_step_that_another_process_runs_otherwise(conformance: Callable[..., Said], value: str, same: bool) -> None:
    code = ODD.replace('(context, "asked")', f'(context, "asked", facts={{"n": {value}}})')
    said = conformance(code, [*TESTS, f"test_{ELSEWHERE}"])
    assert set(said) == (set() if same else {ELSEWHERE})
    if not same:
        assert "  The customer's only order: decided in another process, the trace is another\n" in said[ELSEWHERE]


def test_a_step_that_works_in_one_process_only(conformance: Callable[..., Said]) -> None:
    code = ODD + "\nimport sys\nif 'pytest' not in sys.modules:\n    raise OSError('no licence')\n"
    said = conformance(code, [f"test_{ELSEWHERE}"])
    assert said[ELSEWHERE].startswith("in another process nothing could be decided:\n")
    assert "OSError: no licence" in said[ELSEWHERE]


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("open('log.txt', 'a').write('x')", "wrote: open 'log.txt'"),
        ("os.open('log.txt', os.O_CREAT)", "wrote: open 'log.txt'"),
        ("os.mkdir('a')", "wrote: os.mkdir 'a'"),
        ("shutil.copy('fixtures', 'b')", "wrote: shutil.copyfile 'fixtures'"),
        ("subprocess.run(['true'])", "started a process or a thread: subprocess.Popen 'true'"),
        ("os.system('true')", "started a process or a thread: os.system b'true'"),
        ("socket.getaddrinfo('erp.example', 80)", "reached for the network: socket.getaddrinfo 'erp.example'"),
        ("socket.create_connection(('127.0.0.1', 9))", "reached for the network: socket.getaddrinfo '127.0.0.1'"),
        pytest.param(
            "threading.Thread(target=print).start()",
            "started a process or a thread: _thread.start_",
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 is the first to tell of a thread"),
        ),
    ],
)
@pytest.mark.parametrize("hidden", [False, True])
def test_a_step_that_does_more_than_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conformance: Callable[..., Said], code: str, act: str, hidden: bool
) -> None:
    """Nothing comes of it, either: it is prevented. That the step hides the error makes no difference."""
    if hidden:
        code = f"\n        try: {code}\n        except Exception: pass"
    said = conformance(WATCHED.replace("# HERE", code))
    assert set(said) == {"nothing_is_written_reached_or_started"}
    [text] = said.values()
    place = rf"\w* ?\({re.escape(str(tmp_path))}/site-odd/published_odd\.py, line \d+\)"
    assert re.search(rf"^  The customer's only order: {re.escape(act)}{place}$", text, re.MULTILINE)
    assert ("which ended in: step 'odd' failed on message 1@kunde.example: Forbidden" in text) != hidden
    assert {path.name for path in tmp_path.iterdir()} == {"fixtures", "site-odd"}


def test_a_step_whose_thread_does_more(conformance: Callable[..., Said]) -> None:
    code = WATCHED.replace("# HERE", "t = threading.Thread(target=write); t.start(); t.join()")
    code += "\ndef write():\n    try: open('log.txt', 'a')\n    except Exception: pass\n"
    [text] = conformance(code).values()
    assert ("wrote: open 'log.txt' (" if sys.version_info < (3, 12) else "a thread: _thread.start_") in text


def test_a_step_that_asks_for_each_address(conformance: Callable[..., Said]) -> None:
    said = conformance(ODD.replace("# HERE", "[context._look_up() for each in context.content]"))
    assert set(said) == {"round_trips_are_bounded"}
    assert re.search(
        r"  \d+ round trips for a mail with 3 addresses and numbers, \d+ for one with 300 \(\d+ find\)",
        said.popitem()[1],
    )


def test_a_clause_that_is_not_registered(conformance: Callable[..., Said]) -> None:
    said = conformance(ODD.replace('(context, "asked")', '(context, "aksed")'))
    assert set(said) == {CLAUSES, REACHED}
    assert "odd.aksed is written by the step 'odd', but not registered; return it from" in said[CLAUSES]
    assert "odd.asked holds in no scenario; write one" in said[REACHED]


def test_sentences_that_are_wrong(conformance: Callable[..., Said]) -> None:
    wrong = '{"en": Sentences("{adress} {hits} {", "", "", "a hint"), "de": Sentences("")}'
    said = conformance(ODD.replace('own", SENTENCES', f'own", {wrong}'))
    assert set(said) == {CLAUSES, EXPLAINED}
    assert "odd.asked, `held` in en: Single '{' encountered in format string" in said[CLAUSES]
    assert "odd.asked has no sentence `held` in de" in said[CLAUSES]
    assert "odd.asked has a sentence `hint` in one language only" in said[CLAUSES]
    assert "The customer's only order (en): step 'odd': its sentence '{adress} {hits} {' can't" in said[EXPLAINED]


def test_a_parameter_that_is_not_there(conformance: Callable[..., Said]) -> None:
    wrong = '{"en": Sentences("{adress} {hits}"), "de": Sentences("{address} {hits}")}'
    said = conformance(ODD.replace('own", SENTENCES', f'own", {wrong}'))
    assert set(said) == {CLAUSES, EXPLAINED}
    assert said[CLAUSES].splitlines()[1:] == [
        "  odd.asked, `held` in en: there is no parameter {adress}; did you mean {address}?"
    ]


def test_a_parameter_that_is_not_there_in_a_clause_that_no_scenario_reaches(conformance: Callable[..., Said]) -> None:
    never = 'SENTENCES), Clause("odd.never", "own", {"en": Sentences("{x.y}"), "de": Sentences("{0}")})]'
    said = conformance(ODD.replace("SENTENCES)]", never), unreached={"odd.never": "by night only"})
    assert set(said) == {CLAUSES}
    assert "odd.never, `held` in en: there is no parameter {x.y}; there are " in said[CLAUSES]
    assert "odd.never, `held` in de: there is no parameter {0}" in said[CLAUSES]


@pytest.mark.parametrize("sentences", ["SENTENCES", "BECAUSE"])
def test_a_clause_that_assigns_needs_a_reason(conformance: Callable[..., Said], sentences: str) -> None:
    code = ODD.replace('"asked")\n\n', '"asked", assigned=("order:O-1",))\n\n', 1)
    said = conformance(code.replace('own", SENTENCES', f'own", {sentences}'))
    assert set(said) == ({CLAUSES} if sentences == "SENTENCES" else set())
    if said:
        assert "odd.asked assigns, and has no sentence `because` in en" in said[CLAUSES]


NEVER = '"own", SENTENCES), Clause("odd.never", "own", SENTENCES)]'


def test_clauses_that_no_scenario_reaches(conformance: Callable[..., Said]) -> None:
    said = conformance(ODD.replace('"own", SENTENCES)]', NEVER))
    assert set(said) == {REACHED}
    assert said[REACHED].splitlines()[1:] == [
        "  odd.never holds in no scenario; write one, or say in `unreached` why there is none"
    ]


def test_clauses_that_may_stay_unreached(conformance: Callable[..., Said]) -> None:
    excused = {"odd.n*": "by night only", "odd.asked": "so it seems", "odd.never": " "}
    said = conformance(ODD.replace('"own", SENTENCES)]', NEVER), unreached=excused)
    assert said[REACHED].splitlines()[1:] == [
        "  unreached names 'odd.asked' (so it seems), but no unreached clause is like it; remove it",
        "  unreached names 'odd.never' without a reason",
    ]


def test_a_step_that_hides_that_the_directory_failed(conformance: Callable[..., Said]) -> None:
    hiding = "participants]\n        except Exception: hits = []"
    said = conformance(ODD.replace("hits = [", "try: hits = [").replace("participants]", hiding))
    assert set(said) == {"an_error_names_step_and_message"}
    assert "The customer's only order: step 'odd' went on after the directory had failed" in said.popitem()[1]


def test_a_plugin_that_is_not_there(conformance: Callable[..., Said]) -> None:
    said = conformance(ODD, plugin="ood")
    assert set(said.values()) == {
        "no plugin 'ood' is installed; did you mean 'odd'? (a new one: pip install --editable .)"
    }
    assert len(said) == len(TESTS)


def test_a_folder_without_scenarios(conformance: Callable[..., Said], tmp_path: Path) -> None:
    said = conformance(ODD, scenarios=tmp_path / "site-odd")
    assert set(said.values()) == {f"there is no scenario under {tmp_path / 'site-odd'}"}
    assert len(said) == len(TESTS) - 1  # how it starts needs no scenario


@pytest.mark.parametrize("left_out", ["plugin", "scenarios"])
def test_a_test_that_says_too_little(conformance: Callable[..., Said], left_out: str) -> None:
    said = conformance(ODD, **{left_out: None})
    assert all(text.startswith(f"TestOdd says no {left_out}; add: {left_out} = ") for text in said.values())
    assert said


# --- the watch itself


def test_the_watch_looks_away_afterwards(tmp_path: Path) -> None:
    with watching() as watch:
        (tmp_path / "read.txt").exists()
        with pytest.raises(Forbidden, match="wrote: open"):
            (tmp_path / "a.txt").write_text("")
    assert len(watch.seen) == 1
    (tmp_path / "a.txt").write_text("")


def test_the_bound_is_the_one_that_the_pages_name() -> None:
    assert ROUND_TRIPS == 4
