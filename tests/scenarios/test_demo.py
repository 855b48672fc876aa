#!/usr/bin/env python3
"""`make demo` as a user sees it: every user moves, and the summary says so."""
import os
import subprocess
import tempfile
import unittest

DEMO = os.path.join(os.environ["USHER_ROOT"], "tools", "demo")


def demo(**environment):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([DEMO, folder], env={**os.environ, **environment}, text=True, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=100)
        return done, sorted(os.listdir(folder))


class Demo(unittest.TestCase):
    def test_all_users_move_and_sign_in(self):
        done, files = demo()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        for words in ("1,000 created", "all 1,000 unchanged", "the same, 0 different, 0 missing",
                      "old password accepted", "bcrypt (135)",
                      "All 1,000 users have moved and sign in with their old passwords."):
            self.assertIn(words, done.stdout)
        for name in ("users.jsonl", "usher.ledger", "clerk.db"):
            self.assertIn(name, files)

    def test_a_step_that_fails_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = os.path.join(folder, "usher")
            with open(broken, "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\n[ "$1" != verify ] || exit 1\nexec {os.environ["USHER"]} "$@"\n')
            os.chmod(broken, 0o755)
            done, _ = demo(USHER=broken)
        self.assertEqual(done.returncode, 1)
        self.assertIn("demo: usher verify ended with status 1", done.stderr)


if __name__ == "__main__":
    unittest.main()
