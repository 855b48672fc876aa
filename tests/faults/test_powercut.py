"""The power goes at every sync of a small run, and takes what was not synced or tears it.

    test_powercut.py POWERCUT.so     (see preload/powercut.c)
"""
import os
import shutil
import signal
import sys
import threading
import unittest
import unittest.mock

import lab
from faults import LONG, assert_same, import_command, run
from lab import Sandbox, export, folder, user

PRELOAD = sys.argv.pop()
SEEDS = range(6) if LONG else range(2)
SYNCS = 60 if LONG else 24  # of a sandbox, at most


class Disk:
    """A folder whose files live through a power cut as far as they were synced."""

    def __init__(self, at):
        self.folder, self.image = at + "/disk", at + "/image"
        self.clear()

    def clear(self):
        for path in (self.folder, self.image):
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path)

    def environment(self, sync, seed):
        return {"LD_PRELOAD": PRELOAD, "POWERCUT_FOLDER": self.folder, "POWERCUT_IMAGE": self.image,
                "POWERCUT_AT": str(sync), "POWERCUT_SEED": str(seed)}

    def restart(self):
        """The machine is on again: the folder is what the disk held."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.image, self.folder)


class PowerCut(unittest.TestCase):
    def cut_import(self, cwd, disk, sync, seed):
        """One import that loses power at a sync, and goes on; returns whether it got that far."""
        users = [user(n) for n in range(40)]
        disk.clear()
        file = export(cwd + "/users", users)
        command = import_command(file, disk.folder + "/ledger", "--rate", "off")
        with Sandbox("--limits", "off", "--latency", "1") as box:
            done = run(command, box, **disk.environment(sync, seed))
            self.assertIn(done.returncode, (0, -signal.SIGKILL), done.stderr)
            if done.returncode != 0:
                disk.restart()
                again = run(command, box)
                self.assertEqual(again.returncode, 0, f"sync {sync}, seed {seed}: {again.stderr}")
            assert_same(self, disk.folder + "/ledger", box, users)
        return done.returncode != 0

    def test_an_import_goes_on_from_every_sync(self):
        with folder() as cwd:
            disk, cuts = Disk(cwd), 0
            for seed in SEEDS:
                sync = 1
                while self.cut_import(cwd, disk, sync, seed):
                    sync += 1
                cuts += sync - 1
        print(f"{cuts} power cuts of an import")
        self.assertGreater(cuts, 6 * len(SEEDS))

    def create_until_cut(self, box, acknowledged):
        """Creates users one after another until the sandbox is gone; notes those that it answered for."""
        def create(thread):
            for n in range(25):
                name = f"user|{thread}-{n}"
                try:
                    status, made = box.call("POST", "/v1/users", {
                        "external_id": name, "email_address": [f"u{thread}n{n}@example.com"],
                        "skip_password_requirement": True})
                except OSError:
                    return
                if status == 200:
                    acknowledged[name] = made["id"]

        threads = [threading.Thread(target=create, args=(thread,)) for thread in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def cut_sandbox(self, disk, sync, seed):
        acknowledged, disk_env = {}, disk.environment(sync, seed)
        disk.clear()
        box = Sandbox("--limits", "off", data=disk.folder + "/clerk.db")
        with unittest.mock.patch.dict(os.environ, disk_env):
            try:
                box.__enter__()
            except RuntimeError:  # the power went while it started
                box.process.wait()
        if hasattr(box, "url"):
            self.create_until_cut(box, acknowledged)
        box.stop(signal.SIGTERM)
        cut = box.process.returncode == -signal.SIGKILL
        if cut:
            disk.restart()
        with Sandbox("--limits", "off", data=disk.folder + "/clerk.db") as again:
            there = {name: one["id"] for name, one in again.users().items()}
        lost = {name for name in acknowledged if there.get(name) != acknowledged[name]}
        self.assertEqual(lost, set(), f"sync {sync}, seed {seed}")
        return cut

    def test_the_sandbox_keeps_what_it_answered_for(self):
        with folder() as cwd:
            disk, cuts = Disk(cwd), 0
            for seed in SEEDS:
                sync = 1
                while sync <= SYNCS and self.cut_sandbox(disk, sync, seed):
                    sync += 1
                cuts += sync - 1
        print(f"{cuts} power cuts of the sandbox")
        self.assertGreater(cuts, 6 * len(SEEDS))


if __name__ == "__main__":
    unittest.main()
