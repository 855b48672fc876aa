#!/usr/bin/env python3
"""The project's own shell: tools/setup on a machine that lacks things, tools/test's counting, make install."""
import importlib.machinery
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = os.environ.get("USHER_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("USHER_BUILD", os.path.join(ROOT, "build", "release"))


def run(command, **more):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **more)
    return done.returncode, done.stdout, done.stderr


def script(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, stat.S_IRWXU)


class Setup(unittest.TestCase):
    """A PATH with next to nothing on it stands in for a bare machine; apt-get writes down what it is asked."""

    def bare(self, user, apt="exit 0"):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in ("dirname", "mktemp", "rm", "tail", "cmp", "sh"):
            os.symlink(shutil.which(name), os.path.join(folder.name, name))
        script(folder.name, "id", f"echo {user}\n")
        script(folder.name, "dpkg-query", "echo 'installed libssl-dev'; exit 1\n")
        script(folder.name, "apt-get", f'echo "$@" >>{folder.name}/asked; {apt}\n')
        status, out, err = run([os.path.join(ROOT, "tools", "setup"), "build"],
                               env={"PATH": folder.name})
        asked = os.path.join(folder.name, "asked")
        if os.path.exists(asked):
            with open(asked, encoding="utf-8") as file:
                return status, out, err, file.read()
        return status, out, err, ""

    def test_silent_when_nothing_is_missing(self):
        self.assertEqual(run(["tools/setup", "build"]), (0, "", ""))

    def test_root_gets_what_is_missing_and_no_more(self):
        status, out, err, asked = self.bare(user=0)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("setup: installing gcc", out)
        update, install = asked.splitlines()
        self.assertEqual(update, "update")
        for package in ("gcc", "g++", "ninja-build", "libsimdjson-dev", "libmicrohttpd-dev"):
            self.assertIn(package, install.split())
        for package in ("libssl-dev", "clang", "nodejs"):
            self.assertNotIn(package, install.split())

    def test_others_are_told_what_to_install(self):
        status, _, err, asked = self.bare(user=1000)
        self.assertEqual((status, asked), (1, ""))
        self.assertIn("as root", err)
        self.assertIn("apt-get install gcc", err)

    def test_a_failing_apt_get_is_told(self):
        status, _, err, _ = self.bare(user=0, apt="echo no such package >&2; exit 100")
        self.assertEqual(status, 1)
        self.assertIn("no such package", err)
        self.assertIn("apt-get failed", err)

    def test_usage(self):
        self.assertEqual(run(["tools/setup", "nonsense"])[0], 2)


class Counting(unittest.TestCase):
    """tools/test must never count a failure as a success."""

    @classmethod
    def setUpClass(cls):
        loader = importlib.machinery.SourceFileLoader("runner", os.path.join(ROOT, "tools", "test"))
        spec = importlib.util.spec_from_loader("runner", loader)
        cls.runner = importlib.util.module_from_spec(spec)
        loader.exec_module(cls.runner)

    def count(self, text, failed):
        return self.runner.count_cases(text, failed)

    def test_cmocka(self):
        self.assertEqual(self.count("[==========] 5 tests run.\n[  PASSED  ] 5 test(s).\n", False), (5, 0))
        self.assertEqual(self.count("[  PASSED  ] 3 test(s).\n[  FAILED  ] 2 test(s), listed below:\n", True),
                         (3, 2))

    def test_unittest(self):
        self.assertEqual(self.count("Ran 7 tests in 0.1s\n\nOK\n", False), (7, 0))
        self.assertEqual(self.count("Ran 7 tests in 0.1s\n\nFAILED (failures=1, errors=2)\n", True), (4, 3))

    def test_own_line(self):
        self.assertEqual(self.count("bodies\n540 passed, 0 failed\n", False), (540, 0))

    def test_a_crash_counts_as_a_failure(self):
        self.assertEqual(self.count("[  PASSED  ] 3 test(s).\nSegmentation fault\n", True), (3, 1))
        self.assertEqual(self.count("", True), (0, 1))
        self.assertEqual(self.count("", False), (1, 0))


class Make(unittest.TestCase):
    def test_help_names_every_target(self):
        with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
            phony = next(line for line in file if line.startswith(".PHONY:")).split()[1:]
        _, out, _ = run(["make", "help"])
        for target in set(phony) - {"all", "help"}:
            self.assertIn(f"make {target} ", out)

    def test_a_build_folder_that_is_not_there_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            build = os.path.join(folder, "not", "there")
            status, out, err = run(["make", f"BUILD={build}", f"{build}/build.ninja"])
            self.assertEqual((status, err), (0, ""), out)
            self.assertTrue(os.path.exists(os.path.join(build, "build.ninja")))

    def test_install(self):
        with tempfile.TemporaryDirectory() as folder:
            status, out, err = run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder])
            self.assertEqual(status, 0, out + err)
            found = [os.path.join(at, "usher") for at, _, files in os.walk(folder) if "usher" in files]
            self.assertEqual(len(found), 1)
            self.assertRegex(run([found[0], "--version"])[1], r"^usher \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
