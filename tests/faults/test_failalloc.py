"""Each allocation fails in turn: a clear message or a full result, never a crash, and a ledger that goes on.

    test_failalloc.py FAILALLOC.so     (see preload/failalloc.c)
"""
import os
import sys
import unittest
import unittest.mock

import lab
from faults import LONG, assert_same, import_command, run
from lab import Sandbox, export, folder, user

PRELOAD = sys.argv.pop()


def failing(at, **more):
    return {"LD_PRELOAD": PRELOAD, "FAILALLOC_AT": str(at), **more}


def numbers(count, tries):
    """Which allocations fail: all of them if there are so few, or evenly spread ones, the first and the last among them."""
    tries = min(count, tries)
    return sorted({1 + (count - 1) * n // max(tries - 1, 1) for n in range(tries)})


class FailingAllocations(unittest.TestCase):
    def count(self, command, cwd, box=None, status=0):
        """How many allocations a command makes that ends with this status."""
        said = cwd + "/count"
        done = run(command, box, **failing(0, FAILALLOC_SAY=said))
        self.assertEqual(done.returncode, status, done.stderr)
        with open(said, encoding="ascii") as lines:
            return int(lines.readline())

    def assert_ended_well(self, done, at):
        """It ended by itself, and said why if it did not succeed."""
        self.assertIn(done.returncode, (0, 1, 2), f"allocation {at}: {done.stderr}")
        if done.returncode == 2:
            self.assertTrue(done.stderr.strip(), f"allocation {at}: ended without a word")

    def test_check(self):
        with folder() as cwd:
            file = export(cwd + "/users", [user(n) for n in range(20)] + [user(1), user(99, username="x")])
            command = [lab.USHER, "check", file, "--from", "usher"]
            count = self.count(command, cwd, status=1)
            for at in numbers(count, 200):
                self.assert_ended_well(run(command, None, **failing(at)), at)
        print(f"check: {count} allocations, each failed in turn")

    def test_import(self):
        users = [user(n) for n in range(8)]
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file, ledger = export(cwd + "/users", users), cwd + "/ledger"
            command = import_command(file, ledger, "--rate", "off")
            count = self.count(command, cwd, box)
        which = numbers(count, 400 if LONG else 24)
        for at in which:
            with folder() as cwd, Sandbox("--limits", "off") as box:
                file, ledger = export(cwd + "/users", users), cwd + "/ledger"
                command = import_command(file, ledger, "--rate", "off")
                self.assert_ended_well(run(command, box, **failing(at)), at)
                again = run(command, box)
                self.assertEqual(again.returncode, 0, f"after allocation {at} failed: {again.stderr}")
                assert_same(self, ledger, box, users)
        print(f"import: {len(which)} of {count} allocations failed in turn")

    def use(self, box):
        """A user's life; what fails for lack of memory may fail, but only so."""
        try:
            status, made = box.call("POST", "/v1/users", {"external_id": "a", "password": "Long-enough-1-pass"})
            if status == 200:
                box.call("POST", f"/v1/users/{made['id']}/verify_password", {"password": "Long-enough-1-pass"})
            box.call("GET", "/v1/users?limit=10")
            box.call("GET", "/v1/jwks")
        except OSError:
            pass

    def sandbox_with(self, at, cwd):
        """A sandbox in which an allocation fails; returns whether it could start."""
        box = Sandbox("--limits", "off", data=cwd + "/clerk.db")
        with unittest.mock.patch.dict(os.environ, failing(at, FAILALLOC_SAY=cwd + "/count")):
            try:
                box.__enter__()
            except RuntimeError:
                box.process.wait()
                box.process.stdout.close()
                self.assertEqual(box.process.returncode, 2, f"allocation {at}")
                return False
        self.use(box)
        self.assertIsNone(box.process.poll(), f"allocation {at} ended the sandbox")
        for _ in range(2):  # the allocation may be one of the first try, which then has done nothing
            status, made = box.call("POST", "/v1/users", {"external_id": "b", "skip_password_requirement": True,
                                                          "email_address": ["b@example.com"]})
            if status == 200:
                break
        self.assertEqual(status, 200, f"after allocation {at}: {made}")
        box.stop(15)
        self.assertEqual(box.process.returncode, 0, f"allocation {at}")
        return True

    def test_sandbox(self):
        with folder() as cwd:
            self.assertTrue(self.sandbox_with(0, cwd))
            with open(cwd + "/count", encoding="ascii") as lines:
                count = int(lines.readline())
        started, which = 0, numbers(count, 100 if LONG else 24)
        for at in which:
            with folder() as cwd:
                started += self.sandbox_with(at, cwd)
        self.assertGreater(started, 5)
        print(f"sandbox: {len(which)} of {count} allocations failed in turn, {started} of them after the start")


if __name__ == "__main__":
    unittest.main()
