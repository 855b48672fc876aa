"""usher map: its forms, its SQL run by the real sqlite3, psql and mariadb, and the claim for the old ids."""
import csv
import io
import json
import os
import sqlite3
import subprocess
import unittest

import lab
from lab import Sandbox, export, folder, user, usher
from postgres import PASSWORD, MariaDB, Postgres

# Ids that a careless hand would let out of their quotes.
AWKWARD = ["o'neil", "a\\b", 'say "hi"', "`tick`", "comma,id", "line\nbreak", "'; DROP TABLE orders; --", "\\'",
           "Zoë|€|😀", "A1", "a1", "--", "/*", "%s {0} $1 :x ?", "1"]


class Map(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cwd = cls.enterClassContext(folder())
        cls.box = Sandbox("--limits", "off").__enter__()
        cls.addClassCleanup(cls.box.stop, 15)
        ids = AWKWARD + [f"user|{n}" for n in range(1200)]
        users = [{**user(n), "external_id": one} for n, one in enumerate(ids)]
        users.append({"external_id": "rejected", "email_address": ["no address"]})
        cls.ledger = cls.cwd + "/ledger"
        done = usher("import", export(cls.cwd + "/users", users), "--from", "usher", "--ledger", cls.ledger,
                     "--rate", "off", "--yes", box=cls.box, timeout=300)
        assert done.returncode == 1, done.stderr
        cls.wanted = {one: found["id"] for one, found in cls.box.users().items()}
        assert len(cls.wanted) == len(ids)

    def map(self, *words, code=0):
        done = usher("map", "--ledger", self.ledger, *words, box=self.box)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def test_csv_and_json_lines_hold_everybody_who_moved(self):
        rows = list(csv.DictReader(io.StringIO(self.map(), newline="")))
        self.assertEqual({r["external_id"]: r["clerk_id"] for r in rows}, self.wanted)
        self.assertEqual(len(rows), len(self.wanted))
        lines = [json.loads(line) for line in self.map("--form", "jsonl").splitlines()]
        self.assertEqual({r["external_id"]: r["clerk_id"] for r in lines}, self.wanted)
        self.assertEqual(self.map("--json"), self.map("--form", "jsonl"))

    def sql(self, dialect, *words):
        return self.map("--form", dialect, "--batch", "100", *words)

    def rows_after(self):
        """What the table must hold: a row a user, and one that is nobody's."""
        return sorted([*self.wanted.values(), "nobody"])

    def test_sqlite_runs_it_twice(self):
        path = self.cwd + "/app.db"
        with sqlite3.connect(path) as app:
            app.execute('CREATE TABLE "or""ders" (id INTEGER PRIMARY KEY, "user id" TEXT)')
            app.executemany('INSERT INTO "or""ders" ("user id") VALUES (?)',
                            [(one,) for one in [*self.wanted, "nobody"]])
        script = self.sql("sqlite", "--table", 'or"ders', "--column", "user id")
        for _ in range(2):
            done = subprocess.run(["sqlite3", "-bail", path], input=script, text=True, capture_output=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with sqlite3.connect(path) as app:
                self.assertEqual(sorted(r[0] for r in app.execute('SELECT "user id" FROM "or""ders"')),
                                 self.rows_after())
        self.assertEqual(script.count("BEGIN;"), script.count("COMMIT;"))
        self.assertGreaterEqual(script.count("BEGIN;"), 12)

    def test_a_run_that_was_stopped_goes_on(self):
        path = self.cwd + "/stopped.db"
        with sqlite3.connect(path) as app:
            app.execute("CREATE TABLE orders (user_id TEXT)")
            app.executemany("INSERT INTO orders VALUES (?)", [(one,) for one in self.wanted])
        script = self.sql("sqlite", "--table", "orders", "--column", "user_id")
        half = script[:len(script) // 2]
        subprocess.run(["sqlite3", path], input=half, text=True, capture_output=True, check=False)
        subprocess.run(["sqlite3", "-bail", path], input=script, text=True, check=True)
        with sqlite3.connect(path) as app:
            self.assertEqual(sorted(r[0] for r in app.execute("SELECT user_id FROM orders")),
                             sorted(self.wanted.values()))

    @staticmethod
    def insert(table, values):
        quoted = ", ".join("(" + "'" + v.replace("'", "''") + "')" for v in values)
        return f"INSERT INTO {table} VALUES {quoted};"

    def test_postgresql_runs_it_twice(self):
        with Postgres() as server:
            def psql(script):
                return server.run(f"{server.bin}/psql", "-h", server.folder, "-p", str(server.port), "-U", "usher",
                                  "-d", "usher", "-v", "ON_ERROR_STOP=1", "-qAtX", "-f",
                                  server.write("script.sql", script),
                                  env={**os.environ, "PGPASSWORD": PASSWORD})
            psql('CREATE SCHEMA "Shop"; CREATE TABLE "Shop"."Orders" ("User" TEXT);'
                 + self.insert('"Shop"."Orders"', [*self.wanted, "nobody"]))
            script = self.sql("postgres", "--table", "Shop.Orders", "--column", "User")
            for _ in range(2):
                psql(script)
                found = psql("SELECT \"User\" FROM \"Shop\".\"Orders\"").splitlines()
                self.assertEqual(sorted(found), self.rows_after())
            psql("CREATE TABLE numbers (old BIGINT, clerk_id TEXT); INSERT INTO numbers VALUES (1), (2);")
            with folder() as cwd:
                users = [{**user(9000 + n), "external_id": str(n)} for n in (1, 2)]
                usher("import", export(cwd + "/users", users), "--from", "usher", "--ledger", cwd + "/ledger",
                      "--existing", "adopt", "--yes", box=self.box)
                script = usher("map", "--ledger", cwd + "/ledger", "--form", "postgres", "--table", "numbers",
                               "--column", "old", "--into", "clerk_id", "--type", "bigint").stdout
            psql(script)
            ids = {u["external_id"]: u["id"] for u in self.box.users().values()}
            self.assertEqual(psql("SELECT old, clerk_id FROM numbers ORDER BY old").splitlines(),
                             [f"1|{ids['1']}", f"2|{ids['2']}"])

    def test_mariadb_runs_it_twice_whatever_its_collation_and_escapes(self):
        with MariaDB() as server:
            def mariadb(script):
                done = subprocess.run(
                    ["mariadb", "--no-defaults", "--default-character-set=utf8mb4", "-h", "127.0.0.1", "-P",
                     str(server.port), "-u", "usher", f"-p{PASSWORD}", "-N", "-r", "usher"],
                    input=script, text=True, capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                return done.stdout
            values = ", ".join("(CONVERT(X'" + v.encode().hex() + "' USING utf8mb4))" for v in [*self.wanted, "nobody"])
            for collation, mode in (("utf8mb4_general_ci", ""), ("utf8mb4_bin", "NO_BACKSLASH_ESCAPES")):
                mariadb("CREATE OR REPLACE TABLE `or``ders` (`user` VARCHAR(200) CHARACTER SET utf8mb4 COLLATE "
                        f"{collation}, KEY (`user`)); INSERT INTO `or``ders` VALUES {values};")
                script = self.sql("mysql", "--table", "or`ders", "--column", "user")
                for _ in range(2):
                    mariadb(f"SET SESSION sql_mode = '{mode}';\n{script}")
                    found = mariadb("SELECT `user` FROM `or``ders`").splitlines()
                    self.assertEqual(sorted(found), self.rows_after(), collation)

    def test_usage_is_refused_with_what_to_do(self):
        for words, says in ((["--form", "oracle"], "csv, jsonl, postgres, mysql or sqlite"),
                            (["--form", "postgres"], "needs --table and --column"),
                            (["--table", "orders"], "go with SQL forms"),
                            (["--form", "sqlite", "--table", "t", "--column", "c", "--batch", "0"], "1 to 1000"),
                            (["--form", "postgres", "--table", "t", "--column", "c", "--type", "int) --"], "no type")):
            done = usher("map", "--ledger", self.ledger, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(says, done.stderr)
        self.assertEqual(usher("map", "--ledger", self.cwd + "/none").returncode, 2)

    def test_a_full_disk_is_told(self):
        if os.path.exists("/dev/full"):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([lab.USHER, "map", "--ledger", self.ledger], stdout=full,
                                      stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("standard output cannot be written to", done.stderr)


class Claims(unittest.TestCase):
    def setUp(self):
        self.cwd = self.enterContext(folder())
        claims = usher("map", "--claims").stdout
        self.assertEqual(json.loads(claims), {"userId": "{{user.external_id || user.id}}"})
        with open(self.cwd + "/claims.json", "w", encoding="utf-8") as file:
            file.write(claims)

    def check(self, box, code):
        ledger = self.cwd + "/ledger"
        usher("import", export(self.cwd + "/users", [user(1)]), "--from", "usher", "--ledger", ledger, "--yes",
              box=box)
        done = usher("map", "--ledger", ledger, "--check-claims", "--json", box=box)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(list(box.users()), ["user|1"], "the new user is gone")
        self.assertTrue(done.stderr.startswith("target: "), done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_the_claim_of_both(self):
        with Sandbox("--session-claims", self.cwd + "/claims.json", key="sk_test_" + "a1B2c3D4" * 5) as box:
            migrated, fresh = self.check(box, 0)
            self.assertEqual((migrated["userId"], migrated["right"]), ("user|1", True))
            self.assertEqual((fresh["userId"], fresh["external_id"], fresh["right"]),
                             (fresh["user_id"], None, True))

    def test_without_the_claims_it_says_so(self):
        with Sandbox(key="sk_test_" + "a1B2c3D4" * 5) as box:
            self.assertEqual([line["right"] for line in self.check(box, 1)], [False, False])

    def test_an_empty_ledger_is_told(self):
        with Sandbox() as box:
            done = usher("map", "--ledger", self.cwd + "/none", "--check-claims", box=box)
            self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
