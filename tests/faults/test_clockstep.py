"""The wall clock is set back and forth by up to a day: nothing hangs, nobody is lost or doubled.

    test_clockstep.py CLOCKSTEP.so     (see preload/clockstep.c)
"""
import os
import sys
import unittest
import unittest.mock

from faults import LONG, assert_same, import_command, run
from lab import Sandbox, export, folder, user

STEPPING = {"LD_PRELOAD": sys.argv.pop(), "CLOCKSTEP_EVERY": "7", "CLOCKSTEP_SECONDS": "86400"}
FAULTS = [word for fault in ("500=0.03", "429=0.03", "drop-after=0.03") for word in ("--fault", fault)]


class ClockSteps(unittest.TestCase):
    def test_an_import_into_a_sandbox(self):
        users = [user(n) for n in range(5_000 if LONG else 200)]
        with folder() as cwd:
            file, ledger, data = export(cwd + "/users", users), cwd + "/ledger", cwd + "/clerk.db"
            with unittest.mock.patch.dict(os.environ, STEPPING):
                with Sandbox("--latency", "20", "--limits", "100/1", *FAULTS, data=data) as box:
                    done = run(import_command(file, ledger, "--rate", "100"), box, timeout=200)
            self.assertEqual(done.returncode, 0, done.stderr)
            with Sandbox("--limits", "off", data=data) as box:
                assert_same(self, ledger, box, users)


if __name__ == "__main__":
    unittest.main()
