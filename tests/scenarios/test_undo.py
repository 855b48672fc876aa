"""Undo, runs, and status --watch."""
import json
import random
import signal
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

import lab
from lab import Sandbox, event, events, export, folder, user, usher


class Undo(unittest.TestCase):
    def setUp(self):
        self.cwd = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--limits", "off"))
        self.ledger = self.cwd + "/ledger"

    def run_import(self, users, *more, code=0):
        file = export(self.cwd + "/users", users)
        done = usher("import", file, "--from", "usher", "--ledger", self.ledger, "--json", "--rate",
                     "off", "--yes", *more, box=self.box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout[-2000:])
        return event(done.stdout, "end")

    def undo(self, run, *more, code=0):
        done = usher("undo", str(run), "--ledger", self.ledger, "--json", "--rate", "off", *more,
                     box=self.box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout[-2000:])
        return done

    def test_shows_asks_deletes_and_leaves_a_clean_ledger(self):
        self.run_import([user(n) for n in range(3)])
        self.run_import([user(n) for n in range(120)])
        asked = self.undo(2, code=2)
        self.assertIn("117 would be deleted", asked.stderr)
        self.assertEqual(self.box.count(), 120)
        asked = usher("undo", "2", "--ledger", self.ledger, box=self.box)
        self.assertEqual((asked.returncode, asked.stdout), (2, ""))
        self.assertEqual([r["command"] for r in self.runs()], ["import"] * 2, "what was not confirmed is no run")
        end = event(self.undo(2, "--yes").stdout, "end")
        self.assertEqual((end["deleted"], end["spared"]), (117, 0))
        self.assertEqual(set(self.box.users()), {"user|0", "user|1", "user|2"})
        again = self.run_import([user(n) for n in range(120)])
        self.assertEqual((again["created"], again["unchanged"]), (117, 3))

    def test_spares_who_was_changed_or_signed_in(self):
        self.run_import([user(n) for n in range(5)])
        time.sleep(0.01)
        changed = self.box.users()["user|3"]["id"]
        self.box.call("PATCH", "/v1/users/" + changed, {"first_name": "Own"})
        done = self.undo(1, "--yes", code=1)
        self.assertEqual(event(done.stdout, "end")["spared"], 1)
        self.assertEqual([e["code"] for e in events(done.stdout) if e["event"] == "differs"],
                         ["changed"])
        self.assertEqual(set(self.box.users()), {"user|3"})
        self.undo(1, "--yes", "--force")
        self.assertEqual(self.box.count(), 0)

    def test_spares_who_has_signed_in(self):
        self.run_import([user(n) for n in range(4)])
        form = urllib.parse.urlencode({"identifier": "user2@example.com", "password": lab.PASSWORD})
        request = urllib.request.Request(self.box.ready["frontend_api"] + "/v1/client/sign_ins",
                                         form.encode(), {"Origin": "http://localhost:3000"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertEqual(json.load(answer)["response"]["status"], "complete")
        preview = self.undo(1, "--yes", code=1)
        self.assertEqual([(e["id"], e["code"]) for e in events(preview.stdout)
                          if e["event"] == "differs"], [("user|2", "signed_in")])
        self.assertEqual(set(self.box.users()), {"user|2"})
        again = self.run_import([user(n) for n in range(4)])  # and is still known
        self.assertEqual((again["created"], again["unchanged"]), (3, 1))
        self.undo(1, "--yes", "--force")
        self.assertEqual(set(self.box.users()), {"user|0", "user|1", "user|3"})

    def test_a_change_in_clerk_is_not_forgotten_by_a_later_import(self):
        rows = [user(1), user(2)]
        self.run_import(rows)
        changed = self.box.users()["user|1"]["id"]
        self.box.call("PATCH", "/v1/users/" + changed, {"first_name": "Own"})
        for row in rows:
            row["last_name"] = "Later"
        self.run_import(rows)
        done = self.undo(1, "--yes", code=1)
        self.assertEqual([e["id"] for e in events(done.stdout) if e["event"] == "differs"],
                         ["user|1"])
        self.assertEqual(set(self.box.users()), {"user|1"})

    def test_adopted_users_are_nobodys_to_delete(self):
        self.box.call("POST", "/v1/users", {"external_id": "user|1", "password": "Long-enough-1-pw",
                                            "email_address": ["user1@example.com"]})
        self.run_import([user(1), user(2)], "--existing", "adopt")
        self.undo(1, "--yes", "--force")
        self.assertEqual(set(self.box.users()), {"user|1"})

    def test_killed_and_run_again(self):
        self.run_import([user(n) for n in range(300)])
        command = [lab.USHER, "undo", "1", "--ledger", self.ledger, "--yes", "--rate", "off"]
        for _ in range(8):
            process = subprocess.Popen(command, env=lab.environment(self.box),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.02, 0.1))
            process.kill()
            process.wait()
        self.undo(1, "--yes")
        self.assertEqual(self.box.count(), 0)
        status = json.loads(usher("status", "--ledger", self.ledger, "--json").stdout)
        self.assertEqual((status["done"], status["sending"]), (0, 0))

    def test_bad_arguments(self):
        self.run_import([user(1)])
        self.assertIn("no run 9", self.undo(9, code=2).stderr)
        self.assertIn("no number", self.undo("first", code=2).stderr)
        missing = usher("undo", "1", "--ledger", self.cwd + "/none", box=self.box)
        self.assertEqual(missing.returncode, 2)
        with Sandbox("--limits", "off") as other:
            elsewhere = usher("undo", "1", "--ledger", self.ledger, "--yes", box=other)
            self.assertEqual(elsewhere.returncode, 2)
            self.assertIn("another migration", elsewhere.stderr)

    def runs(self):
        done = usher("runs", "--ledger", self.ledger, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_adopted_interrupted_and_failed_runs_are_told_apart(self):
        self.box.call("POST", "/v1/users", {"external_id": "user|1", "password": "Long-enough-1-pw",
                                            "email_address": ["user1@example.com"]})
        self.run_import([user(1), user(2)], "--existing", "adopt")
        file = export(self.cwd + "/users", [user(n) for n in range(60)])
        running = subprocess.Popen([lab.USHER, "import", file, "--ledger", self.ledger, "--yes", "--rate", "2"],
                                   env=lab.environment(self.box), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.box.count() < 3:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        self.assertEqual(running.wait(120), 130)
        runs = self.runs()
        self.assertEqual([(r["created"], r["adopted"], r["state"]) for r in runs[1:]], [(1, 1, "ended")])
        self.assertEqual((runs[0]["state"], runs[0]["adopted"]), ("interrupted", 0))
        self.assertRegex(usher("runs", "--ledger", self.ledger).stdout, "interrupted .*\n.*ended .* 1 created, 1 adopted")
        status = json.loads(usher("status", "--ledger", self.ledger, "--json").stdout)
        self.assertEqual([r["adopted"] for r in status["runs"]], [0, 1])

    def test_a_run_that_is_refused_has_failed(self):
        with Sandbox("--limits", "off", key="sk_test_" + "a" * 40) as small:
            file = export(self.cwd + "/users", [user(n) for n in range(101)])
            done = usher("import", file, "--ledger", self.ledger, "--yes", "--rate", "off", box=small)
            self.assertEqual(done.returncode, 2)
        self.assertEqual([(r["created"], r["state"]) for r in self.runs()], [(100, "failed")])

    def test_runs(self):
        self.run_import([user(1)])
        self.undo(1, "--yes")
        runs = self.runs()
        self.assertEqual([(r["run"], r["command"], r["state"]) for r in runs],
                         [(2, "undo 1", "ended"), (1, "import", "ended")])
        self.assertEqual((runs[0]["removed"], runs[1]["created"]), (1, 1))
        self.assertIn("undo 1", usher("runs", "--ledger", self.ledger).stdout)

    def test_status_watches_until_the_run_ends(self):
        file = export(self.cwd + "/users", [user(n) for n in range(60)])
        running = subprocess.Popen([lab.USHER, "import", file, "--ledger", self.ledger, "--yes",
                                    "--rate", "40"], env=lab.environment(self.box),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.box.count() == 0:
            time.sleep(0.05)
        done = usher("status", "--ledger", self.ledger, "--watch", "--json")
        running.send_signal(signal.SIGINT)
        running.wait(30)
        shown = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(len(shown), 1)
        self.assertEqual(shown[0]["runs"][0]["state"], "running")
        self.assertEqual((shown[-1]["runs"][0]["state"], shown[-1]["done"]), ("ended", 60))


if __name__ == "__main__":
    unittest.main()
