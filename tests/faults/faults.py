"""What the tests of faults share: their size, an import that is one command, and the ledger's rows."""
import os
import sqlite3
import subprocess

import lab

LONG = bool(os.environ.get("USHER_LONG"))
DONE = 2  # enum ledger_state


def import_command(export, ledger, *more):
    return [lab.USHER, "import", export, "--from", "usher", "--ledger", ledger, "--yes", "--quiet", *more]


def run(command, box, timeout=120, **env):
    """Runs a command against a sandbox; returns the CompletedProcess (text)."""
    return subprocess.run(command, env=lab.environment(box, **env), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)


def ledger_rows(path):
    """What the ledger holds: external id → Clerk id. Fails on a user who is not done."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ledger:
        rows = ledger.execute("SELECT external_id, state, clerk_id FROM users").fetchall()
    ledger.close()
    assert all(state == DONE for _, state, _ in rows), [row for row in rows if row[1] != DONE][:5]
    return {external_id: clerk_id for external_id, _, clerk_id in rows}


def assert_same(test, ledger, box, users):
    """None lost, none twice: the export, the ledger and the sandbox hold the same users, row by row."""
    there = {external_id: user["id"] for external_id, user in box.users().items()}
    test.assertEqual(set(there), {user["external_id"] for user in users})
    test.assertEqual(ledger_rows(ledger), there)
    test.assertEqual(box.count(), len(users))
