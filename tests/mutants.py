"""`python tests/mutants.py [WORD…]`: take a guard away, and see the test fail that stands behind it.

Each mutant works on a copy of the tree. The text to be replaced must be there exactly once, the test must pass before
and fail after. A mutant that lives is a promise without a test.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SERVER: Final = "src/binance_spot_mcp"
COPIED: Final = ("src", "tests", "docs", "examples", "pyproject.toml", "README.md", "setup.md", "Makefile")
AT_ONCE: Final = 2
PATIENCE_S: Final = 300
FAILED: Final = 1
"""What pytest exits with where tests ran and one failed; an error in collecting them is another number."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard that is taken away.

    Attributes:
        invariant: The promise that it keeps (docs/safety.md).
        guard: What it does, in words.
        file: Where it stands, below the server's package.
        old: Its text.
        new: What stands there instead.
        test: The test that must fail: a file below `tests`, or one test of it.
    """

    invariant: str
    guard: str
    file: str
    old: str
    new: str
    test: str


MUTANTS: Final = (
    Mutant("I1", "a repeated intent_id gives its first record back", "trading/intents.py",
           "            return known if known is not None and not self._may_go_again(known) else None",
           "            return None",
           "unit/trading/test_intents.py::test_the_same_name_and_payload_give_the_same_record_and_send_nothing"),
    Mutant("I1", "equal calls wait for one another", "trading/intents.py",
           "        while other := next((other for other in self._claims if claim.waits_for(other)), None):",
           "        while other := next((other for other in self._claims if False), None):",
           "unit/trading/test_intents.py::test_two_equal_calls_at_once_are_one_order"),
    Mutant("I2", "SENDING is written before the first byte", "transport/line.py",
           "            if attempt.call.departing is not None:\n"
           "                await attempt.call.departing(self._clock.now_ms())\n",
           "",
           "e2e/test_mcp_intents.py"),
    Mutant("I2", "an intent is durable before it is sent", "trading/journal/file.py",
           "PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}",
           "PRAGMA synchronous = OFF",
           "unit/trading/test_durability.py"),
    Mutant("I2", "nothing leaves that cannot be written down", "trading/dispatch.py",
           "    await intents.departing(intent, timestamp_ms)",
           "    from contextlib import suppress\n    with suppress(Exception):\n"
           "        await intents.departing(intent, timestamp_ms)",
           "unit/trading/test_durability.py"),
    Mutant("I3", "any 5xx leaves an order UNKNOWN", "transport/verdict.py",
           "    if reply.status >= 500 or (",
           "    if (",
           "unit/transport/test_verdict.py"),
    Mutant("I3", "an answer counts only if it names our order", "trading/outcomes.py",
           "    if not (meant | named <= facts and symbols <= {given[\"symbol\"]}):",
           "    if False:",
           "unit/trading/test_gate.py::test_an_answer_about_another_order_is_no_answer"),
    Mutant("I3", "a denial before the horizon proves nothing", "trading/absence.py",
           "        if not self.over(at_ms) or (",
           "        if (",
           "unit/trading/test_reconciler.py"),
    Mutant("I3", "no new order where one is UNKNOWN", "trading/intents.py",
           "        if order := self.register.unsure(symbol, sides):",
           "        if False and (order := self.register.unsure(symbol, sides)):",
           "unit/trading/test_reconciler.py::test_no_new_order_on_a_symbol_and_side_of_which_nobody_knows"),
    Mutant("I4", "an order that breaks a filter is refused here", "trading/checks.py",
           "        if refusal := checked.check.refusal():",
           "        if False and (refusal := checked.check.refusal()):",
           "unit/trading/test_gate.py::test_an_order_that_breaks_a_filter_is_refused_before_anything_is_sent"),
    Mutant("I4", "rules are fetched again after an hour", "trading/rules_cache.py",
           "<= (MAX_AGE_MS if lasting else PASSING_AGE_MS)",
           "<= 10**15",
           "unit/trading/test_rules_cache.py"),
    Mutant("I5", "percent-encoding comes before the signature", "signing.py",
           "    return quote(text, safe=\"\") if _must_be_encoded(text) else text",
           "    return text",
           "contract/test_signing_vectors.py"),
    Mutant("I6", "redirects are not followed", "transport/rest.py",
           "            follow_redirects=False,", "            follow_redirects=True,",
           "unit/transport/test_rest.py::test_a_redirect_is_not_followed"),
    Mutant("I6", "proxies of the environment are ignored", "transport/rest.py",
           "            trust_env=False,", "            trust_env=True,",
           "unit/transport/test_rest.py::test_a_proxy_of_the_environment_is_ignored"),
    Mutant("I6", "a host must be one of the environment's", "hosts.py",
           "    if not same:\n", "    if False:\n",
           "unit/settings/test_hosts.py"),
    Mutant("I7", "paper talks to loopback alone", "hosts.py",
           "        if not is_loopback(origin.host):", "        if False:",
           "unit/settings/test_hosts.py::test_paper_takes_nothing_but_loopback"),
    Mutant("I8", "the log hides signatures and secrets", "logs.py",
           "        return self._hide(super().format(record))", "        return super().format(record)",
           "unit/client/test_logs.py"),
    Mutant("I8", "a key file that others can read stops live", "settings.py",
           "            if settings.env == \"live\":\n", "            if False:\n",
           "unit/settings/test_load.py::test_a_key_file_that_others_can_read_stops_live_and_warns_elsewhere"),
    Mutant("I9", "a live order needs the operator's switch", "trading/live_door.py",
           "        if not self._switched_on:", "        if False:",
           "unit/trading/test_gate.py::test_live_places_and_amends_nothing"),
    Mutant("I9", "a live order needs a person's yes", "trading/approval.py",
           "        if answer.verdict != \"yes\":", "        if False:",
           "e2e/test_mcp_approval.py"),
    Mutant("I10", "BINANCE_TESTNET=0 alone never means live", "settings.py",
           "    if settings.testnet is False and \"env\" not in origins:", "    if False:",
           "unit/settings/test_load.py::test_testnet_off_alone_never_means_live"),
    Mutant("I11", "a broken cap is refused", "trading/cap_watch.py",
           " if share.broken), None):", " if False), None):",
           "unit/trading/test_gate_caps.py"),
    Mutant("I11", "a closed gate lets nothing leave", "trading/switch.py",
           "        if not closings:\n            return\n        reasons", "        return\n        reasons",
           "unit/trading/test_switch.py"),
    Mutant("I12", "orders leave room for cancels", "transport/ledger.py",
           "\"order\": 90, \"urgent\": 100}", "\"order\": 100, \"urgent\": 100}",
           "property/transport/test_ledger_laws.py"),
    Mutant("I13", "a missed update makes a book stale", "domain/local_book.py",
           "        elif event.first_update_id > self.update_id + 1:", "        elif False:",
           "unit/domain/test_local_book.py"),
    Mutant("I13", "a crossed book is stale", "domain/local_book.py",
           "        if bid and ask and bid[0] >= ask[0]:", "        if False:",
           "unit/domain/test_local_book.py::test_a_crossed_book_is_stale_at_once"),
    Mutant("I14", "a break makes the account's state stale", "trading/following.py",
           "        return not self._in_step\n", "        return False\n",
           "unit/trading/test_following.py"),
    Mutant("I15", "a fill counts once", "trading/conclusions.py",
           " and fill.key not in register.fills:", ":",
           "property/trading/test_fill_laws.py"),
    Mutant("I16", "executed quantity never falls", "trading/states.py",
           "_weight(sighting) <= _weight(order.seen):", "False:",
           "property/trading/test_state_laws.py"),
    Mutant("I16", "a final state stays", "trading/states.py",
           "    if order.state in FINAL - {\"NOT_PLACED\"}:\n        return order\n", "",
           "unit/trading/test_states.py"),
    Mutant("I17", "a changed record is seen", "trading/journal/records.py",
           "        if _digest(last.hash, row) != stored:", "        if False:",
           "unit/trading/test_journal.py"),
    Mutant("I17", "a lost end is seen", "trading/journal/file.py",
           "    if head.seq > len(records):", "    if False:",
           "unit/trading/test_journal.py::test_a_lost_end_is_seen"),
    Mutant("I18", "nothing goes before the end of a hold", "transport/ledger.py",
           "        if hold := self._held(cost, route, now_ms):",
           "        if False and (hold := self._held(cost, route, now_ms)):",
           "unit/transport/test_ledger.py"),
    Mutant("I18", "a ban lasts at least two minutes", "transport/ledger.py",
           "BAN_AT_LEAST_MS = 120_000", "BAN_AT_LEAST_MS = 0",
           "unit/transport/test_ledger.py::test_a_ban_stops_everything_for_at_least_two_minutes"),
    Mutant("I19", "a fee reaches the fee account", "../paper_exchange/engine/ledger.py",
           "    x.fee_account.balance(balance.asset).free += commission\n", "",
           "property/paper_engine/test_laws.py"),
    Mutant("I20", "a FOK order fills whole or not at all", "../paper_exchange/engine/placing.py",
           "    if order.time_in_force == \"FOK\" and matches.traded < order.remaining:", "    if False:",
           "unit/paper_engine/test_matching.py::test_a_fok_order_fills_whole_or_not_at_all"),
    Mutant("I20", "LIMIT_MAKER never takes", "../paper_exchange/engine/admission.py",
           "    if terms.type == \"LIMIT_MAKER\" and market.book.crosses(", "    if False and market.book.crosses(",
           "unit/paper_engine/test_matching.py"),
    Mutant("I21", "control characters of outside text are removed", "errors.py",
           "    return character.isspace() or unicodedata.category(character) not in _INVISIBLE",
           "    return True",
           "unit/surface/test_text.py"),
    Mutant("I22", "an unknown argument is refused", "surface/arguments.py",
           "    _refuse_unknown(model, arguments, options)\n", "",
           "unit/surface/test_arguments.py"),
    Mutant("I23", "a link in the place of a file is not followed", "trading/incident_file.py",
           "_NO_LINK: Final = getattr(os, \"O_NOFOLLOW\", 0) | getattr(os, \"O_NONBLOCK\", 0)", "_NO_LINK: Final = 0",
           "unit/trading/test_incident_file.py::test_a_link_in_its_place_is_not_followed"),
    Mutant("I24", "arguments above 64 KB are refused", "surface/arguments.py",
           "    if size > MOST_CHARACTERS:", "    if False:",
           "unit/surface/test_arguments.py::test_arguments_above_64_kilobytes_are_refused"),
    Mutant("I24", "a body has an end", "transport/rest.py",
           "                if len(body) > self._body_cap:", "                if False:",
           "unit/transport/test_rest.py"),
    Mutant("I26", "stdout carries the protocol alone", "surface/stdio.py",
           "    os.dup2(2, 1)", "    pass",
           "e2e/test_mcp_stdio.py::test_a_tool_that_prints_does_not_reach_stdout"),
    Mutant("I28", "what is UNKNOWN is looked for until it is known", "trading/reconciler.py",
           "            if order.state in UNSURE:\n                self._decide(",
           "            if False:\n                self._decide(",
           "unit/trading/test_reconciler.py::test_what_was_being_sent_is_looked_for_after_a_restart"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fate:
    """What came of a mutant: nothing wrong if its test failed."""

    mutant: Mutant
    wrong: str
    seconds: float


class Copies:
    """Copies of the tree, each used by one mutant at a time."""

    def __init__(self, folder: Path, many: int) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        for number in range(many):
            copy = folder / str(number)
            copy.mkdir()
            for name in COPIED:
                source = ROOT / name
                ignored = shutil.ignore_patterns("__pycache__", ".*cache")
                if source.is_dir():
                    shutil.copytree(source, copy / name, ignore=ignored)
                else:
                    shutil.copy(source, copy / name)
            self._free.put(copy)

    def untouched(self, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
        """Run tests on an unchanged copy."""
        copy = self._free.get()
        try:
            return run(copy, tests)
        finally:
            self._free.put(copy)

    def fate(self, mutant: Mutant) -> Fate:
        """Change a copy, run the test, and change it back."""
        began, copy = time.monotonic(), self._free.get()
        path = copy / SERVER / mutant.file
        text = path.read_text("utf-8")
        try:
            if text.count(mutant.old) != 1:
                return Fate(mutant, f"the guard stands there {text.count(mutant.old)} times", 0)
            path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
            status = run(copy, [mutant.test]).returncode
            wrong = "" if status == FAILED else "IT LIVES" if status == 0 else f"pytest ended with {status}"
            return Fate(mutant, wrong, time.monotonic() - began)
        finally:
            path.write_text(text, "utf-8")
            self._free.put(copy)


def run(copy: Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy."""
    paths = [f"tests/{test}" for test in tests]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-m", "not long", *paths]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:  # without its guard, something never ends
        return subprocess.CompletedProcess(command, FAILED)


def line(fate: Fate) -> str:
    """A row of the table."""
    mutant = fate.mutant
    file, test = (path.rpartition("/")[2] for path in (mutant.file, mutant.test.replace("::", " ")))
    killed = "killed" if not fate.wrong else fate.wrong.upper()
    return f"{mutant.invariant:9} {mutant.guard:50} {file:18} {test[:84]:84} {killed:8} {fate.seconds:4.0f}"


def main() -> int:
    """Print the table; 1 if a mutant lives."""
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("words", nargs="*", help="only mutants whose invariant or guard holds one of these")
    words = parser.parse_args().words
    chosen = [each for each in MUTANTS if not words or any(word in f"{each.invariant} {each.guard}" for word in words)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        copies = Copies(Path(folder), AT_ONCE)
        before = copies.untouched(sorted({each.test for each in chosen}))
        if before.returncode:
            sys.stdout.write(f"{before.stdout}\nThe tests do not even pass with every guard in its place.\n")
            return 1
        sys.stdout.write(f"{'invariant':9} {'guard':50} {'file':18} {'test':84} {'':8} {'s':>4}\n")
        fates = []
        for fate in pool.map(copies.fate, chosen):
            sys.stdout.write(f"{line(fate)}\n")
            sys.stdout.flush()
            fates.append(fate)
    alive = sum(bool(fate.wrong) for fate in fates)
    invariants = len({fate.mutant.invariant for fate in fates})
    took = time.monotonic() - began
    sys.stdout.write(f"{len(fates)} mutants of {invariants} invariants, {alive} alive; {took:.0f} s\n")
    return bool(alive)


if __name__ == "__main__":
    sys.exit(main())
