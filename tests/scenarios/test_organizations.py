"""Organizations and memberships end to end: every shape of file, again, differences, faults, kill -9, verify, undo."""
import contextlib
import json
import random
import sqlite3
import subprocess
import unittest

import lab
from lab import Sandbox, event, events, export, folder, user, usher

CLERK = [
    {"object": "organization", "id": "org_1", "name": "Acme", "slug": "acme", "public_metadata": {"tier": 1},
     "private_metadata": {"crm": "c1"}, "created_at": 1577836800000, "max_allowed_memberships": 7},
    {"object": "organization_membership", "id": "orgmem_1", "role": "org:admin", "public_metadata": {"seat": 1},
     "organization": {"id": "org_1"}, "public_user_data": {"user_id": "user|0"}},
    {"object": "organization_membership", "id": "orgmem_2", "role": "org:member",
     "organization": {"id": "org_1"}, "public_user_data": {"user_id": "user|1"}},
]
AUTH0 = [
    {"id": "org_1", "name": "acme", "display_name": "Acme", "metadata": {"crm": "c1"},
     "members": [{"user_id": "user|0", "roles": [{"id": "rol_1", "name": "admin"}]},
                 {"user_id": "user|1", "roles": []}]},
]
WORKOS = [
    {"object": "organization_membership", "id": "om_1", "user_id": "user|0", "organization_id": "org_1",
     "role": {"slug": "admin"}, "status": "active"},
    {"object": "organization", "id": "org_1", "name": "Acme", "metadata": {"crm": "c1"}},
    {"object": "organization_membership", "id": "om_2", "user_id": "user|1", "organization_id": "org_1",
     "role": {"slug": "member"}, "status": "active"},
]
CSV = """organization_id,name,slug,user_id,role,private_metadata
org_1,Acme,acme,,,"{""crm"":""c1""}"
org_1,,,user|0,owner,
org_1,,,user|1,,
"""


def organization(n, members=()):
    return {"organization_id": f"o{n}", "name": f"Org {n}", "slug": f"org-{n}", "public_metadata": {"n": n},
            "members": [{"user_id": f"user|{m}", "role": "admin" if m % 3 == 0 else "member"} for m in members]}


class Organizations(unittest.TestCase):
    def setUp(self):
        self.cwd = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--limits", "off"))

    def users(self, count):
        done = usher("import", export(self.cwd + "/users", [user(n) for n in range(count)]), "--from", "usher",
                     "--ledger", self.cwd + "/ledger", "--yes", "--rate", "off", box=self.box)
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_on(self, command, file, *more, code=0):
        done = usher("organizations", command, file, "--ledger", self.cwd + "/ledger", "--json",
                     "--rate", "off", *more, box=self.box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout[-2000:])
        return done

    def move(self, file, *more, code=0):
        return event(self.run_on("import", file, "--yes", *more, code=code).stdout, "end")

    def there(self):
        """Organizations by slug, each with its members' external ids and roles."""
        status, page = self.box.call("GET", "/v1/organizations?limit=500")
        self.assertEqual(status, 200, page)
        found = {}
        for one in page["data"]:
            _, members = self.box.call("GET", f"/v1/organizations/{one['id']}/memberships?limit=500")
            found[one["slug"]] = one, {self.box.call("GET", "/v1/users/" + m["public_user_data"]["user_id"])[1]
                                       ["external_id"]: m["role"] for m in members["data"]}
        return found

    def test_every_shape(self):
        self.users(2)
        shapes = {"clerk.json": json.dumps({"data": CLERK}), "auth0.json": json.dumps(AUTH0), "own.csv": CSV,
                  "workos.jsonl": "\n".join(map(json.dumps, WORKOS))}
        for name, text in shapes.items():
            with self.subTest(name), open(self.cwd + "/" + name, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                end = self.move(file.name)
                self.assertEqual((end["created"], end["rejected"], end["failed"]), (3, 0, 0), end)
                (slug, (made, members)), = self.there().items()
                self.assertRegex(slug, "^acme-[0-9a-f]{8}$" if name == "workos.jsonl" else "^acme$")
                self.assertEqual(made["name"], "Acme")
                self.assertEqual(made["private_metadata"], {"external_id": "org_1", "crm": "c1"})
                self.assertEqual(members, {"user|0": "org:admin", "user|1": "org:member"})
                if name == "clerk.json":
                    self.assertEqual((made["created_at"], made["max_allowed_memberships"]), (1577836800000, 7))
                self.run_on("verify", file.name)
                again = self.move(file.name)
                self.assertEqual((again["created"], again["unchanged"]), (0, 3))
                self.undo(made=3)

    def undo(self, made, *more, code=0):
        """Undoes the run that made organizations; returns its end event."""
        runs = [json.loads(line) for line in
                usher("runs", "--ledger", self.cwd + "/ledger", "--json").stdout.splitlines()]
        run = max(r["run"] for r in runs if r.get("created") == made and "organizations" in r["command"])
        done = usher("undo", str(run), "--ledger", self.cwd + "/ledger", "--json", "--yes", "--rate", "off",
                     *more, box=self.box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return event(done.stdout, "end")

    def test_a_plan_writes_nothing_and_later_exports_send_differences(self):
        self.users(6)
        file = export(self.cwd + "/orgs", [organization(n, range(n + 1)) for n in range(4)])
        plan = event(self.run_on("plan", file).stdout, "end")
        self.assertEqual((plan["created"], plan["unchanged"]), (14, 0))
        self.assertEqual(self.there(), {})
        self.assertEqual(self.move(file)["created"], 14)
        later = [organization(n, range(n + 1)) for n in range(4)] + [organization(9, [5])]
        later[1]["name"] = "Renamed"
        later[2]["members"][1]["role"] = "admin"
        one = self.there()["org-3"][0]
        self.box.call("PATCH", "/v1/organizations/" + one["id"], {"name": "In Clerk"})
        later[3]["public_metadata"] = {"n": 33}
        end = self.move(export(file, later))
        self.assertEqual((end["created"], end["updated"], end["unchanged"], end["failed"]), (2, 3, 11, 0))
        there = self.there()
        self.assertEqual(there["org-1"][0]["name"], "Renamed")
        self.assertEqual(there["org-2"][1]["user|1"], "org:admin")
        self.assertEqual((there["org-3"][0]["name"], there["org-3"][0]["public_metadata"]), ("In Clerk", {"n": 33}))

    def change(self, path, body):
        status, answer = self.box.call("PATCH", "/v1/organizations/" + path, body)
        self.assertEqual(status, 200, answer)

    def test_each_field_is_merged_by_itself(self):
        self.users(2)
        row = {**organization(1), "max_allowed_memberships": 5, "private_metadata": {"crm": "c1", "tier": 1, "old": 1},
               "members": [
            {"user_id": f"user|{n}", "role": "member", "public_metadata": {"seat": n}} for n in range(2)]}
        file = export(self.cwd + "/orgs", [row])
        self.assertEqual(self.move(file)["created"], 3)
        id, member = self.there()["org-1"][0]["id"], self.box.users()["user|0"]["id"]
        self.change(id, {"name": "In Clerk", "max_allowed_memberships": 9})
        self.change(id + "/metadata", {"private_metadata": {"note": "theirs", "tier": 7}})
        self.change(f"{id}/memberships/{member}", {"role": "org:admin"})
        self.assertEqual(self.move(file)["unchanged"], 3, "the source says what it said")
        differing = {(e["id"], e["field"]) for e in events(self.run_on("verify", file, code=1).stdout)
                     if e["event"] == "differs"}
        self.assertEqual(differing, {("o1", "name"), ("o1", "max_allowed_memberships"), ("o1", "private_metadata"),
                                     ("user|0", "role")})
        row.update(name="At the source", slug="org-one", public_metadata={"new": 1},
                   private_metadata={"crm": "c2", "tier": 2})
        row["members"][0]["public_metadata"] = {"seat": 10}
        row["members"][1]["role"] = "admin"
        export(file, [row])
        self.assertEqual(event(self.run_on("plan", file).stdout, "end")["requests"], 3 + 2 + 2)
        done = self.run_on("import", file, "--yes")
        kept = {(e["id"], e["code"], e["field"]) for e in events(done.stdout) if e["event"] == "differs"}
        self.assertEqual(kept, {("o1", "kept", "name"), ("o1", "kept", "private_metadata.tier")})
        end = event(done.stdout, "end")
        self.assertEqual((end["updated"], end["kept"], end["failed"]), (3, 2, 0))
        there, members = self.there()["org-one"]
        self.assertEqual((there["name"], there["max_allowed_memberships"]), ("In Clerk", 9))
        self.assertEqual(there["public_metadata"], {"new": 1}, "replaced, as nobody else had touched it")
        self.assertEqual(there["private_metadata"], {"external_id": "o1", "crm": "c2", "note": "theirs", "tier": 7})
        self.assertEqual(members, {"user|0": "org:admin", "user|1": "org:admin"})
        _, page = self.box.call("GET", f"/v1/organizations/{id}/memberships")
        seats = {m["public_user_data"]["user_id"]: m["public_metadata"]["seat"] for m in page["data"]}
        self.assertEqual(seats[member], 10)
        self.assertEqual(self.move(file)["unchanged"], 3)
        row.update(name="In Clerk", max_allowed_memberships=9)
        self.assertEqual(self.move(export(file, [row]))["kept"], 0, "both say the same now")

    def test_only_what_differs_is_sent(self):
        file = export(self.cwd + "/orgs", [organization(1)])
        self.users(1)
        self.move(file)
        for change in ({"name": "Other"}, {"public_metadata": {"n": 2}}):
            end = self.move(export(file, [{**organization(1), "name": "Other", **change}]))
            self.assertEqual(end["updated"], 1)
            self.assertEqual(end["requests"], 2, "a look and one PATCH")

    def test_what_is_gone_from_the_file(self):
        self.users(6)
        rows = [organization(n, range(6) if n < 4 else [0]) for n in range(5)]
        file = export(self.cwd + "/orgs", rows)
        self.assertEqual(self.move(file)["created"], 30)
        there = self.there()
        rows[1]["members"].pop()
        changed = there["org-2"][0]["id"]
        member = self.box.users()["user|5"]["id"]
        self.box.call("PATCH", f"/v1/organizations/{changed}/memberships/{member}", {"role": "org:admin"})
        rows[2]["members"].pop()
        del rows[4]
        export(file, rows)
        done = self.run_on("plan", file, "--gone", "delete")
        gone = {(e["id"], e["code"]) for e in events(done.stdout) if e["event"] == "gone"}
        self.assertEqual(gone, {("user|5", "gone"), ("o4", "gone")})
        self.assertEqual(event(done.stdout, "end")["requests"], 6)
        said = usher("organizations", "plan", file, "--ledger", self.cwd + "/ledger", box=self.box).stdout
        self.assertIn("0 create, 0 update, 26 unchanged, 0 reject\n3 are no longer in the file, as the ledger has it; "
                      "whether they are still at the target was not asked", said)
        end = self.move(file)
        self.assertEqual((end["gone"], end["deleted"], end["unchanged"]), (3, 0, 26))
        self.assertEqual(len(self.there()), 5, "they are only listed")
        done = self.run_on("verify", file)
        gone = sorted(e["id"] for e in events(done.stdout) if e["event"] == "gone")
        self.assertEqual(gone, ["o4", "user|5", "user|5"])
        end = event(done.stdout, "end")
        self.assertEqual((end["rows"], end["same"], end["missing"], end["gone"]), (26, 26, 0, 3))
        done = usher("organizations", "verify", file, "--ledger", self.cwd + "/ledger", "--rate", "off", box=self.box)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("gone: 3 organizations and memberships are no longer in the file", done.stdout)
        done = self.run_on("import", file, "--yes", "--gone", "delete")
        end = event(done.stdout, "end")
        self.assertEqual((end["gone"], end["deleted"], end["spared"]), (3, 2, 1))
        there = self.there()
        self.assertEqual(set(there), {"org-0", "org-1", "org-2", "org-3"})
        self.assertNotIn("user|5", there["org-1"][1])
        self.assertEqual(there["org-2"][1]["user|5"], "org:admin")
        again = self.move(file)
        self.assertEqual((again["unchanged"], again["gone"]), (26, 1))
        refused = self.run_on("import", export(file, rows[:1]), "--yes", "--gone", "delete", code=2)
        self.assertIn("Is the file whole?", refused.stderr)
        self.assertIn("only users", self.run_on("plan", file, "--gone", "ban", code=2).stderr)
        self.assertEqual(len(self.there()), 4)

    def test_metadata_that_the_source_removed(self):
        self.users(1)
        row = {**organization(1, [0]), "public_metadata": {"plan": "pro", "deep": {"a": 1, "b": 2}}}
        other = {**organization(2), "public_metadata": {"plan": "pro", "old": 1}}
        file = export(self.cwd + "/orgs", [row, other])
        self.move(file)
        self.box.call("PATCH", f"/v1/organizations/{self.there()['org-2'][0]['id']}/metadata",
                      {"public_metadata": {"own": True}})
        row["public_metadata"], other["public_metadata"] = {"deep": {"a": 1}}, {"plan": "pro"}
        self.move(export(file, [row, other]))
        there = self.there()
        self.assertEqual(there["org-1"][0]["public_metadata"], {"deep": {"a": 1}})
        self.assertEqual(there["org-2"][0]["public_metadata"], {"plan": "pro", "own": True})
        self.run_on("verify", file)
        self.assertEqual(self.move(file)["unchanged"], 3)

    def test_members_metadata_is_merged_by_key(self):
        """Nested, three-way, Clerk wins: as with users."""
        self.users(1)
        seat = {"plan": {"name": "pro", "seats": 5, "gone": 1}, "list": [1, 2], "both": 1, "same": 1}
        row = organization(1, [0])
        row["members"][0]["public_metadata"] = seat
        file = export(self.cwd + "/orgs", [row])
        self.move(file)
        path = f"{self.there()['org-1'][0]['id']}/memberships/{self.box.users()['user|0']['id']}"
        self.change(path + "/metadata", {"public_metadata": {"plan": {"own": True, "seats": 6}, "both": 2, "same": 3}})
        seat.update(plan={"name": "max", "seats": 5}, list=[3], both=3, same=3, new={"a": None, "b": 1})
        done = self.run_on("import", export(file, [row]), "--yes")
        kept = {(e["id"], e["field"]) for e in events(done.stdout) if e["event"] == "differs"}
        self.assertEqual(kept, {("user|0", "public_metadata.both")})
        _, page = self.box.call("GET", "/v1/organizations/" + path.split("/", maxsplit=1)[0] + "/memberships")
        self.assertEqual(page["data"][0]["public_metadata"], {
            "plan": {"name": "max", "seats": 6, "own": True}, "list": [3], "both": 2, "same": 3, "new": {"b": 1}})
        self.assertEqual(self.move(file)["unchanged"], 2)
        del seat["plan"], seat["list"]
        self.move(export(file, [row]))
        _, page = self.box.call("GET", "/v1/organizations/" + path.split("/", maxsplit=1)[0] + "/memberships")
        self.assertEqual(page["data"][0]["public_metadata"],
                         {"plan": {"seats": 6, "own": True}, "both": 2, "same": 3, "new": {"b": 1}})

    def test_a_ledger_with_one_hash_for_all_metadata(self):
        """Without leaves, as an earlier usher wrote it: they are what both sides still have."""
        self.users(1)
        rows = [{**organization(n), "public_metadata": {"a": 1, "b": 1}} for n in (1, 2)]
        file = export(self.cwd + "/orgs", rows)
        self.move(file)
        with contextlib.closing(sqlite3.connect(self.cwd + "/ledger")) as ledger, ledger:
            ledger.execute("UPDATE ties SET hashes = substr(hashes, 1, 48)")
        self.change(self.there()["org-2"][0]["id"] + "/metadata", {"public_metadata": {"own": 1, "b": 2}})
        for row in rows:
            row["public_metadata"] = {"b": 3}
        self.move(export(file, rows))
        there = self.there()
        self.assertEqual(there["org-1"][0]["public_metadata"], {"b": 3})
        self.assertEqual(there["org-2"][0]["public_metadata"], {"a": 1, "b": 2, "own": 1})

    def test_an_undo_that_is_not_confirmed_is_no_run(self):
        self.users(1)
        self.move(export(self.cwd + "/orgs", [organization(1, [0])]))
        runs = usher("runs", "--ledger", self.cwd + "/ledger", "--json").stdout
        done = usher("undo", "2", "--ledger", self.cwd + "/ledger", box=self.box)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("1 would be deleted", done.stderr)
        self.assertEqual(usher("runs", "--ledger", self.cwd + "/ledger", "--json").stdout, runs)
        self.assertEqual(len(self.there()), 1)

    def test_what_cannot_be_moved_is_named(self):
        self.users(1)
        self.box.call("POST", "/v1/organizations", {"name": "Mine", "slug": "org-2"})
        rows = [organization(1, [0, 7]), organization(2), {"name": "no id"}, {"organization_id": "o5"},
                {"organization_id": "nobody", "user_id": "user|0"},
                {"organization_id": "o1", "user_id": "user|0", "role": "org:nosuch"}]
        done = self.run_on("import", export(self.cwd + "/orgs", rows), "--yes", code=1)
        codes = {(e["row"], e["code"]) for e in events(done.stdout) if e["event"] == "failed"}
        self.assertLessEqual({(1, "user_not_moved"), (2, "already_exists"), (3, "missing_id"), (4, "missing_field"),
                              (5, "organization_not_moved")}, codes)
        self.assertEqual(event(done.stdout, "end")["created"], 2)
        self.assertEqual(self.there()["org-1"][1], {"user|0": "org:admin"})
        adopted = self.move(export(self.cwd + "/orgs", rows[1:2]), "--existing", "update")
        self.assertEqual(adopted["updated"], 1)
        self.assertEqual(self.there()["org-2"][0]["name"], "Org 2")

    def test_verify_tells_what_is_lost_and_undo_spares_what_was_changed(self):
        self.users(4)
        file = export(self.cwd + "/orgs", [organization(n, range(4)) for n in range(3)])
        self.assertEqual(self.move(file)["created"], 15)
        there = self.there()
        self.box.call("DELETE", "/v1/organizations/" + there["org-0"][0]["id"])
        self.box.call("PATCH", "/v1/organizations/" + there["org-1"][0]["id"], {"name": "Changed"})
        end = event(self.run_on("verify", file, code=1).stdout, "end")
        self.assertEqual((end["accepted"], end["same"], end["different"], end["missing"]), (15, 9, 1, 5))
        end = self.undo(15, code=1)
        self.assertEqual((end["deleted"], end["spared"]), (2, 1))
        self.assertEqual(list(self.there()), ["org-1"])
        self.undo(15, "--force")
        self.assertEqual(self.there(), {})
        self.assertEqual(self.move(file)["created"], 15)


class Faults(unittest.TestCase):
    def test_lost_answers_and_kills_make_nothing_twice(self):
        faults = [word for fault in ("500=0.05", "drop-before=0.05", "drop-after=0.1", "429=0.02")
                  for word in ("--fault", fault)]
        with folder() as cwd:
            data, ledger = cwd + "/clerk.db", cwd + "/ledger"
            with Sandbox("--limits", "off", data=data) as box:
                done = usher("import", export(cwd + "/users", [user(n) for n in range(10)]), "--from", "usher",
                             "--ledger", ledger, "--yes", "--rate", "off", box=box)
                self.assertEqual(done.returncode, 0, done.stderr)
            file = export(cwd + "/orgs", [organization(n, range(10)) for n in range(20)])
            command = [lab.USHER, "organizations", "import", file, "--ledger", ledger, "--yes", "--quiet",
                       "--rate", "300"]
            with Sandbox("--limits", "off", "--latency", "5", *faults, data=data) as box:
                for longer in range(10**6):
                    process = subprocess.Popen(command, env=lab.environment(box), stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL)
                    try:
                        self.assertEqual(process.wait(random.uniform(0.05, 0.4) * (1 + longer / 8)), 0)
                        break
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
            with Sandbox("--limits", "off", data=data) as box:
                _, page = box.call("GET", "/v1/organizations?limit=500&include_members_count=true")
                self.assertEqual(sorted(o["slug"] for o in page["data"]), sorted(f"org-{n}" for n in range(20)))
                self.assertEqual({o["members_count"] for o in page["data"]}, {10})
                done = usher("organizations", "verify", file, "--ledger", ledger, "--rate", "off", box=box)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
