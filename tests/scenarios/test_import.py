"""Import end to end: create, go on, differences, splits, refusals, faults, kill -9, Ctrl-C."""
import json
import os
import random
import signal
import socket
import subprocess
import time
import unittest

import lab
from lab import Sandbox, event, events, export, folder, user, usher


class Import(unittest.TestCase):
    def run_import(self, box, file, cwd, *more, code=0):
        done = usher("import", file, "--from", "usher", "--ledger", os.path.join(cwd, "ledger"),
                     "--json", "--yes", *more, box=box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout[-2000:])
        return done

    def test_creates_then_does_nothing(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file = export(cwd + "/users", [user(n) for n in range(300)])
            done = self.run_import(box, file, cwd, "--rate", "off")
            self.assertEqual(event(done.stdout, "end")["created"], 300)
            self.assertIn("target: production", done.stderr.splitlines()[0])
            again = self.run_import(box, file, cwd, "--rate", "off")
            end = event(again.stdout, "end")
            self.assertEqual((end["created"], end["unchanged"]), (0, 300))
            self.assertEqual(box.count(), 300)
            verified = usher("verify", file, "--from", "usher", "--rate", "off", box=box, cwd=cwd)
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
            self.assertIn("in the file: 300 = 300 accepted\nat the target: 300 = 300 as written",
                          verified.stdout)
            status = usher("status", "--ledger", cwd + "/ledger", "--json")
            self.assertEqual(json.loads(status.stdout)["done"], 300)

    def test_a_later_export_sends_the_differences(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            users = [user(n, public_metadata={"plan": "free"}) for n in range(6)]
            file = export(cwd + "/users", users)
            self.run_import(box, file, cwd, "--rate", "off")
            kept = box.users()["user|2"]["id"]
            box.call("PATCH", "/v1/users/" + kept, {"first_name": "InClerk"})
            users[1]["first_name"] = "Renamed"
            users[2]["first_name"] = "AtSource"
            users[3]["public_metadata"] = {"plan": "pro"}
            users[4]["email_address"].append("second4@example.com")
            users.append(user(7))
            export(file, users)
            done = self.run_import(box, file, cwd, "--rate", "off")
            end = event(done.stdout, "end")
            self.assertEqual((end["created"], end["updated"], end["unchanged"]), (1, 4, 2))
            now = box.users()
            self.assertEqual(now["user|1"]["first_name"], "Renamed")
            self.assertEqual(now["user|2"]["first_name"], "InClerk")
            self.assertEqual(now["user|3"]["public_metadata"], {"plan": "pro"})
            self.assertEqual(len(now["user|4"]["email_addresses"]), 2)
            self.assertEqual(event(done.stdout, "both_changed")["field"], "first_name")

    def test_a_refused_second_identifier_is_split_off(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            box.call("POST", "/v1/users", {"email_address": ["taken@example.com"], "external_id": "x",
                                           "password": "Long-enough-1-password"})
            box.call("POST", "/v1/users", {"email_address": ["gone@example.com"], "external_id": "y",
                                           "password": "Long-enough-1-password"})
            rows = [user(1, email_address=["one@example.com", "taken@example.com", "other@example.com"]),
                    user(2, email_address=["gone@example.com"])]
            done = self.run_import(box, export(cwd + "/users", rows), cwd, "--rate", "off", code=1)
            end = event(done.stdout, "end")
            self.assertEqual((end["created"], end["conflicts"], end["split"]), (1, 1, 1))
            conflict = event(done.stdout, "conflict")
            self.assertEqual(conflict["id"], "user|2")
            self.assertIn("gone@example.com belongs to user_", conflict["detail"])
            self.assertIn("external id y", conflict["detail"])
            emails = [e["email_address"] for e in box.users()["user|1"]["email_addresses"]]
            self.assertEqual(emails, ["one@example.com", "other@example.com"])

    def test_faults_lose_nobody_and_double_nobody(self):
        faults = ["--fault", "500=0.05", "--fault", "drop-before=0.05", "--fault", "drop-after=0.05",
                  "--fault", "429=0.02", "--fault", "slow-body=0.02"]
        with folder() as cwd, Sandbox("--limits", "off", *faults) as box:
            file = export(cwd + "/users", [user(n) for n in range(400)])
            done = self.run_import(box, file, cwd, "--rate", "off")
            self.assertEqual(event(done.stdout, "end")["failed"], 0)
        # counted on a sandbox without faults: they would hit the counting, too

    def test_killed_again_and_again(self):
        with folder() as cwd, Sandbox("--limits", "off", "--latency", "5") as box:
            file = export(cwd + "/users", [user(n) for n in range(1500)])
            command = [lab.USHER, "import", file, "--from", "usher", "--ledger", cwd + "/ledger",
                       "--yes", "--quiet", "--rate", "off"]
            kills = 0
            for _ in range(60):
                process = subprocess.Popen(command, env=lab.environment(box),
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    process.wait(random.uniform(0.01, 0.25) if kills else 0.03)
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    kills += 1
            self.run_import(box, file, cwd, "--rate", "off")
            self.assertGreater(kills, 0)
            self.assertEqual(set(box.users()), {f"user|{n}" for n in range(1500)})
            self.assertEqual(box.count(), 1500)

    def test_ctrl_c_stops_cleanly_and_goes_on(self):
        with folder() as cwd, Sandbox("--limits", "off", "--latency", "20") as box:
            file = export(cwd + "/users", [user(n) for n in range(500)])
            command = [lab.USHER, "import", file, "--from", "usher", "--ledger", cwd + "/ledger",
                       "--yes", "--rate", "100"]
            process = subprocess.Popen(command, env=lab.environment(box), stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
            while box.count() == 0:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 130)
            self.assertIn("run the same command again", out)
            status = json.loads(usher("status", "--ledger", cwd + "/ledger", "--json").stdout)
            self.assertEqual(status["sending"], 0)
            self.assertEqual(status["done"], box.count())
            self.run_import(box, file, cwd, "--rate", "off")
            self.assertEqual(box.count(), 500)

    def test_a_lost_ledger_adopts(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file = export(cwd + "/users", [user(n) for n in range(120)])
            self.run_import(box, file, cwd, "--rate", "off")
            os.remove(cwd + "/ledger")
            time.sleep(1.5)  # longer than what counts as an echo of one's own request
            done = self.run_import(box, file, cwd, "--rate", "off", code=1)
            self.assertEqual(event(done.stdout, "end")["conflicts"], 120)
            done = self.run_import(box, file, cwd, "--rate", "off", "--existing", "adopt")
            self.assertEqual(event(done.stdout, "end")["adopted"], 120)
            self.assertEqual(box.count(), 120)

    def test_limit_and_only(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file = export(cwd + "/users", [user(n) for n in range(20)])
            self.run_import(box, file, cwd, "--limit", "5", "--rate", "off")
            self.assertEqual(box.count(), 5)
            self.run_import(box, file, cwd, "--only", "user|17", "--only", "user|3", "--rate", "off")
            self.assertEqual(set(box.users()), {f"user|{n}" for n in (0, 1, 2, 3, 4, 17)})

    def test_rejects_can_be_mended_and_imported(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file = export(cwd + "/users", [user(1), user(2, email_address=["broken@"]), user(3)])
            self.run_import(box, file, cwd, "--rejects", cwd + "/bad", "--rate", "off", code=1)
            with open(cwd + "/bad", encoding="utf-8") as bad:
                mended = bad.read().replace("broken@", "mended@example.com")
            with open(cwd + "/mended", "w", encoding="utf-8") as out:
                out.write(mended)
            self.run_import(box, cwd + "/mended", cwd, "--rate", "off")
            self.assertEqual(set(box.users()), {"user|1", "user|2", "user|3"})
            self.assertEqual(os.stat(cwd + "/bad").st_mode & 0o777, 0o600)


class Plan(unittest.TestCase):
    def test_says_what_would_happen(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file = export(cwd + "/users", [user(n) for n in range(4)])
            ledger = cwd + "/ledger"
            usher("import", file, "--from", "usher", "--ledger", ledger, "--yes", box=box)
            box.call("POST", "/v1/users", {"email_address": ["user8@example.com"],
                                           "external_id": "else", "password": "Long-enough-1-pass"})
            rows = [user(0), user(1, first_name="New"), user(5), user(8), user(9, email_address=[])]
            done = usher("plan", export(cwd + "/later", rows), "--from", "usher", "--ledger", ledger,
                         "--json", box=box)
            self.assertEqual(done.returncode, 1, done.stderr)
            actions = {e["id"]: e["action"] for e in events(done.stdout) if e["event"] == "planned"}
            self.assertEqual(actions, {"user|0": "unchanged", "user|1": "update", "user|5": "create",
                                       "user|8": "conflict", "user|9": "reject"})
            self.assertEqual(box.count(), 5)


class Refusals(unittest.TestCase):
    """Each ends in one clear message with the next step, exit 2 (or 1), and a ledger that can go on."""

    def refused(self, *arguments, box=None, contains=(), code=2, **env):
        done = usher(*arguments, box=box, **env)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for text in contains:
            self.assertIn(text, done.stderr)
        self.assertNotIn("sk_live_", done.stderr + done.stdout)
        return done

    def test_wrong_key(self):
        with folder() as cwd, Sandbox() as box:
            file = export(cwd + "/users", [user(1)])
            self.refused("import", file, "--from", "usher", "--ledger", cwd + "/l", box=box,
                         CLERK_SECRET_KEY="sk_live_wrong", contains=("401", "CLERK_SECRET_KEY"))
            self.assertFalse(os.path.exists(cwd + "/l"))

    def test_no_key(self):
        with folder() as cwd:
            file = export(cwd + "/users", [user(1)])
            env = {k: v for k, v in os.environ.items() if not k.startswith("CLERK_")}
            done = subprocess.run([lab.USHER, "import", file], env=env, cwd=cwd, capture_output=True,
                                  text=True, timeout=20)
            self.assertEqual(done.returncode, 2)
            self.assertIn("CLERK_SECRET_KEY", done.stderr)

    def test_unreachable(self):
        with folder() as cwd, socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d" % unused.getsockname()[1]
            self.refused("import", export(cwd + "/users", [user(1)]), "--ledger", cwd + "/l",
                         CLERK_SECRET_KEY=lab.KEY, CLERK_API_URL=url, contains=("cannot be reached",))

    def test_not_a_clerk(self):
        server = socket.create_server(("127.0.0.1", 0))
        html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"
        import threading

        def serve():
            for _ in range(3):
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(html)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        with folder() as cwd:
            self.refused("import", export(cwd + "/users", [user(1)]), "--ledger", cwd + "/l",
                         CLERK_SECRET_KEY=lab.KEY, contains=("CLERK_API_URL",),
                         CLERK_API_URL="http://127.0.0.1:%d" % server.getsockname()[1])
        server.close()

    def test_a_ledger_of_another_instance(self):
        with folder() as cwd, Sandbox() as one, Sandbox() as other:
            file = export(cwd + "/users", [user(1)])
            usher("import", file, "--from", "usher", "--ledger", cwd + "/l", "--yes", box=one)
            self.refused("import", file, "--from", "usher", "--ledger", cwd + "/l", "--yes",
                         box=other, contains=("ledger",))

    def test_two_imports_at_once(self):
        with folder() as cwd, Sandbox("--limits", "off", "--latency", "100") as box:
            file = export(cwd + "/users", [user(n) for n in range(400)])
            command = ["import", file, "--from", "usher", "--ledger", cwd + "/l", "--yes", "--json"]
            both = [subprocess.Popen([lab.USHER, *command], env=lab.environment(box), text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                    for _ in range(2)]
            created = [event(one.communicate(timeout=60)[0], "end")["created"] for one in both]
            self.assertEqual(sum(created), 400)
            self.assertEqual(len(box.users()), 400)
            done = usher(*command, box=box)
            self.assertEqual((done.returncode, event(done.stdout, "end")["unchanged"]), (0, 400))

    def test_development_instances_hold_100(self):
        with folder() as cwd, Sandbox("--limits", "off", key="sk_test_" + "a" * 40) as box:
            file = export(cwd + "/users", [user(n) for n in range(103)])
            done = self.refused("import", file, "--from", "usher", "--ledger", cwd + "/l", "--rate",
                                "off", box=box, contains=("user_quota_exceeded", "100 users at most; delete users",
                                                          "production instance"))
            self.assertEqual(box.count(), 100)
            self.assertIn("100 created", done.stdout)

    def test_a_read_only_folder_and_a_directory(self):
        with folder() as cwd, Sandbox() as box:
            file = export(cwd + "/users", [user(1)])
            self.refused("import", file, "--ledger", cwd, box=box, contains=(cwd,))
            self.refused("import", file, "--ledger", cwd + "/no/such/ledger", box=box,
                         contains=("no/such",))
            self.refused("import", cwd, box=box, contains=(cwd,))
            done = self.refused("import", cwd + "/missing.json", box=box,
                                contains=("missing.json",))
            self.assertEqual(done.stdout, "")


class Canaries(unittest.TestCase):
    def pairs(self, path, *pairs):
        with open(path, "w", encoding="utf-8") as file:
            for external_id, password in pairs:
                file.write(json.dumps({"external_id": external_id, "password": password}) + "\n")
        return path

    def test_they_prove_the_digests_first(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            file = export(cwd + "/users", [user(n) for n in range(30)])
            good = self.pairs(cwd + "/good", ("user|7", lab.PASSWORD))
            bad = self.pairs(cwd + "/bad", ("user|7", "not it"))
            common = ("import", file, "--from", "usher", "--ledger", cwd + "/l", "--canary")
            refused = usher(*common, bad, box=box)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn("bcrypt cost=4", refused.stderr)
            self.assertEqual(box.count(), 1)
            self.assertNotIn("not it", refused.stderr + refused.stdout)
            done = usher(*common, good, box=box)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(box.count(), 30)

    def test_a_class_without_canary_is_refused(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            md5 = "5f4dcc3b5aa765d61d8327deb882cf99"
            rows = [user(1), user(2, password_hasher="md5", password_digest=md5)]
            canary = self.pairs(cwd + "/c", ("user|1", lab.PASSWORD))
            common = ("import", export(cwd + "/users", rows), "--from", "usher", "--ledger",
                      cwd + "/l", "--canary", canary)
            refused = usher(*common, box=box)
            self.assertEqual(refused.returncode, 2)
            self.assertIn("md5", refused.stderr)
            self.assertEqual(box.count(), 0)
            self.assertEqual(usher(*common, "--yes", box=box).returncode, 0)


if __name__ == "__main__":
    unittest.main()
