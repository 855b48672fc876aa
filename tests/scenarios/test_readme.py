#!/usr/bin/env python3
"""Runs the README's commands as written: every block marked ```sh run, in order, in one shell.

`status=N` behind the mark is the exit status of the block's last command (0 otherwise). The only thing
changed is the sandbox's port, to a free one.
"""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

ROOT = os.environ["USHER_ROOT"]
USHER = os.environ["USHER"]


def blocks():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        found = re.findall(r"^```sh run(?: status=(\d+))?\n(.*?)^```$", file.read(), re.M | re.S)
    return [(int(status or 0), text) for status, text in found]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.symlink(os.path.join(ROOT, "samples"), os.path.join(cls.folder, "samples"))
        script = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
        for number, (_, text) in enumerate(blocks()):
            script += [f"exec >out.{number} 2>&1", text, f"echo $? >status.{number}"]
        text = "\n".join(script).replace("127.0.0.1:7700", f"127.0.0.1:{free_port()}")
        text = text.replace("sleep 1", "for i in 1 2 3 4 5 6 7 8 9; do grep -q secret_key out.1 && break; "
                                       "sleep 1; done")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CLERK_")}
        environment["PATH"] = os.path.dirname(USHER) + ":" + environment["PATH"]
        subprocess.run(["bash", "-c", text], cwd=cls.folder, env=environment, check=False,
                       stdin=subprocess.DEVNULL, timeout=100)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def test_there_are_blocks(self):
        self.assertGreaterEqual(len(blocks()), 4)

    def test_every_block_ends_as_it_says(self):
        for number, (status, text) in enumerate(blocks()):
            with self.subTest(text):
                self.assertEqual(self.read(f"status.{number}").strip(), str(status),
                                 self.read(f"out.{number}"))

    def test_what_the_text_says_happens(self):
        self.assertRegex(self.read("out.0"), r"12 rows: 10 would be accepted, 2 rejected")
        self.assertRegex(self.read("out.2"), r"10 created, .*2 rejected")
        self.assertRegex(self.read("out.2"), r"12 = 10 created \+ 2 rejected\nat the target: 10 = 10 as written")
        self.assertRegex(self.read("out.3"), r" 0 created, .*10 unchanged")

    def test_every_command_of_the_table_is_there_and_the_other_way_round(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            told = set(re.findall(r"^\| `usher (\w+)", file.read(), re.M))
        text = subprocess.run([USHER, "--help"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(told, set(re.findall(r"^  (\w+) ", text, re.M)))


if __name__ == "__main__":
    unittest.main()
