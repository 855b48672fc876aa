"""Verify: everybody is read back, every difference is told apart, and the statement balances."""
import json
import os
import unittest

import lab
from lab import Sandbox, event, events, export, folder, user, usher


class Verify(unittest.TestCase):
    def setUp(self):
        self.cwd = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--limits", "off"))

    def run_usher(self, command, users, *more, code=0):
        file = export(self.cwd + "/users", users)
        done = usher(command, file, "--from", "usher", "--ledger", self.cwd + "/ledger", "--json",
                     "--rate", "off", *more, box=self.box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout[-2000:])
        return done

    def verify(self, users, *more, code=0):
        done = self.run_usher("verify", users, *more, code=code)
        end = event(done.stdout, "end")
        self.assertEqual(end["rows"], sum(end[k] for k in (
            "created", "updated", "unchanged", "adopted", "rejected", "conflicts", "failed", "pending")))
        self.assertEqual(end["at_target"], end["same"] + end["changed"] + end["different"] +
                         end["others"])
        return end, [(e["id"], e["code"], e["field"]) for e in events(done.stdout)
                     if e["event"] in ("differs", "missing")]

    def patch(self, external_id, path="", method="PATCH", **body):
        clerk_id = self.box.users()[external_id]["id"]
        status, answer = self.box.call(method, f"/v1/users/{clerk_id}{path}", body or None)
        self.assertEqual(status, 200, answer)

    def test_the_statement_balances(self):
        self.box.call("POST", "/v1/users", {"email_address": ["other@example.com"],
                                            "password": "Long-enough-1-pw"})
        self.box.call("POST", "/v1/users", {"email_address": ["user5@example.com"],
                                            "external_id": "else", "password": "Long-enough-1-pw"})
        rows = [user(n, public_metadata={"n": n}, created_at="2020-01-01T00:00:00Z")
                for n in range(5)]
        self.run_usher("import", rows, "--yes")
        rows[1]["first_name"] = "Renamed"
        rows += [user(5), user(6), user(7, email_address=["broken@"])]
        self.run_usher("import", rows, "--yes", code=1)
        end, differences = self.verify(rows + [user(8)], code=1)
        self.assertEqual((end["created"], end["updated"], end["unchanged"], end["rejected"],
                          end["conflicts"], end["pending"]), (1, 1, 4, 1, 1, 1))
        self.assertEqual((end["at_target"], end["same"], end["others"]), (8, 6, 2))
        self.assertEqual(differences, [])
        self.assertEqual(end["unseen"], 6)
        text = usher("verify", self.cwd + "/users", "--from", "usher", "--ledger",
                     self.cwd + "/ledger", "--rate", "off", box=self.box).stdout
        self.assertIn("in the file: 9 = 1 created + 1 updated + 4 unchanged + 1 rejected + "
                      "1 in conflict + 1 not yet moved", text)
        self.assertIn("at the target: 8 = 6 as written + 2 others", text)

    def test_differences_are_told_apart(self):
        rows = [user(n, public_metadata={"n": n}) for n in range(8)]
        self.run_usher("import", rows, "--yes")
        self.patch("user|1", first_name="Own")                                   # people, in Clerk
        self.patch("user|2", "/metadata", public_metadata={"n": 9, "mine": True})
        self.patch("user|3", "/metadata", public_metadata={"mine": True})        # adds only
        self.patch("user|4", "", "DELETE")
        rows[5]["last_name"] = "Later"                                           # not imported yet
        self.patch("user|6", "/remove_password", "POST")
        end, differences = self.verify(rows, "--differences", self.cwd + "/diff", code=1)
        self.assertEqual(sorted(differences), [
            ("user|1", "changed", "first_name"), ("user|2", "changed", "public_metadata"),
            ("user|4", "missing", ""), ("user|5", "stale", "last_name"),
            ("user|6", "changed", "password_digest")])
        self.assertEqual((end["same"], end["changed"], end["missing"], end["stale"]), (4, 3, 1, 1))
        with open(self.cwd + "/diff", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(sorted((x["id"], x["code"], x["field"]) for x in lines), sorted(differences))
        self.assertEqual(os.stat(self.cwd + "/diff").st_mode & 0o777, 0o600)

    def test_what_clerk_kept_at_a_merge_is_as_it_should_be(self):
        rows = [user(1, public_metadata={"plan": "free"}), user(2)]
        self.run_usher("import", rows, "--yes")
        self.patch("user|1", first_name="Own")
        self.patch("user|1", "/metadata", public_metadata={"plan": "own"})
        rows[0].update(first_name="Other", public_metadata={"plan": "pro"}, last_name="New")
        self.run_usher("import", rows, "--yes")
        end, differences = self.verify(rows)
        self.assertEqual((end["same"], differences), (2, []))
        rows[1]["first_name"] = "Second"
        self.run_usher("import", rows, "--yes")
        self.assertEqual(self.verify(rows)[0]["same"], 2)

    def test_adopted_users_are_compared_with_what_they_had(self):
        self.box.call("POST", "/v1/users", {"external_id": "user|1", "first_name": "Own",
                                            "email_address": ["user1@example.com"],
                                            "password": "Long-enough-1-pw"})
        self.run_usher("import", [user(1), user(2)], "--yes", "--existing", "adopt")
        end, differences = self.verify([user(1), user(2)])
        self.assertEqual((end["adopted"], end["created"], differences), (1, 1, []))

    def test_pages_of_five_hundred(self):
        rows = [user(n) for n in range(1201)]
        self.run_usher("import", rows, "--yes")
        end, _ = self.verify(rows)
        self.assertEqual((end["same"], end["requests"]), (1201, 3))
        gone, _ = self.verify(rows[:-1])
        self.assertEqual(gone["gone"], 1)

    def test_who_has_left_both_sides_is_not_missing(self):
        rows = [user(n) for n in range(4)]
        self.run_usher("import", rows, "--yes")
        for n in (2, 3):
            self.patch("user|%d" % n, method="DELETE")
        end, differences = self.verify(rows[:3], code=1)
        self.assertEqual((end["same"], end["missing"], end["departed"], end["gone"]), (2, 1, 1, 0))
        self.assertEqual(differences, [("user|2", "missing", "")])

    def test_only_some_and_without_a_ledger(self):
        rows = [user(n) for n in range(20)]
        self.run_usher("import", rows, "--yes")
        end, _ = self.verify(rows, "--only", "user|3", "--only", "user|4")
        self.assertEqual((end["rows"], end["same"], end["requests"]), (2, 2, 1))
        self.patch("user|7", first_name="Own")
        file = export(self.cwd + "/users", rows + [user(20)])
        bare = usher("verify", file, "--from", "usher", "--json", "--rate", "off", box=self.box,
                     cwd=self.cwd)
        self.assertEqual(bare.returncode, 1, bare.stderr)
        end = event(bare.stdout, "end")
        self.assertEqual((end["same"], end["different"], end["missing"]), (19, 1, 1))

    def test_canaries_prove_passwords(self):
        self.run_usher("import", [user(n) for n in range(3)], "--yes")
        pairs = self.cwd + "/pairs"
        for password, code in ((lab.PASSWORD, 0), ("not it", 2)):
            with open(pairs, "w", encoding="utf-8") as file:
                file.write(json.dumps({"external_id": "user|1", "password": password}) + "\n")
            done = self.run_usher("verify", [user(n) for n in range(3)], "--canary", pairs, code=code)
            self.assertIn("1 of 1 passwords" if code == 0 else "does not verify", done.stderr)

    def test_canaries_prove_second_factors_without_a_ledger(self):
        secret, other = "JBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLU"
        rows = [user(1, totp_secret=secret), user(2, totp_secret=secret), user(3)]
        self.run_usher("import", rows, "--yes")
        file = self.cwd + "/canaries"

        def verify(code, *canaries):
            export(file, canaries)
            users = export(self.cwd + "/users", rows)
            done = usher("verify", users, "--from", "usher", "--canary", file, box=self.box)
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stderr
        known = {"external_id": "user|1", "password": lab.PASSWORD}
        self.assertIn("1 of 1 passwords and 2 of 2 TOTP secrets verified",
                      verify(0, known, {"external_id": "user|2", "totp_secret": secret}))
        self.assertIn("canary user|2 (TOTP): the target does not verify its code (422",
                      verify(2, known, {"external_id": "user|2", "totp_secret": other}))
        self.assertIn("does not verify its code",
                      verify(2, {"external_id": "user|2", "totp_code": "00000"}))
        self.assertIn("user|3 has no TOTP secret in the export",
                      verify(2, {"external_id": "user|3", "totp_code": "123456"}))
        self.assertIn("not in base32", verify(2, {"external_id": "user|1", "totp_secret": "1!"}))
        self.assertIn("a password or TOTP are needed", verify(2, {"external_id": "user|1"}))
        rows.append(user(4))
        self.assertIn("canary user|4 is not at the target",
                      verify(2, {"external_id": "user|4", "password": lab.PASSWORD}))

    def test_faults(self):
        rows = [user(n) for n in range(1100)]
        data = self.cwd + "/clerk.db"
        with Sandbox("--limits", "off", data=data) as box:
            self.box = box
            self.run_usher("import", rows, "--yes")
        with Sandbox("--limits", "off", "--fault", "500=0.15", "--fault", "drop-before=0.1",
                     "--fault", "429=0.1", data=data) as box:
            self.box = box
            end, _ = self.verify(rows)
            self.assertEqual(end["same"], 1100)


if __name__ == "__main__":
    unittest.main()
