"""A table of users as legacy system, in SQLite, PostgreSQL and MariaDB: the same trials in each."""
import base64
import hashlib
import os
import sqlite3
import subprocess
import time
import unittest

from lab import BCRYPT, PASSWORD, folder
from legacy import Probe, refusal
from postgres import PASSWORD as SERVER_PASSWORD, MariaDB, Postgres

DJANGO = "pbkdf2_sha256$1000$saltsalt$" + base64.b64encode(
    hashlib.pbkdf2_hmac("sha256", b"p\xc3\xa4ss", b"saltsalt", 1000)).decode()
TABLE = """CREATE TABLE people (id integer PRIMARY KEY, mail varchar(200), login varchar(200), hash varchar(200), seen varchar(40));
INSERT INTO people VALUES (1, 'ada@lovelace.dev', 'ada_l', '{bcrypt}', '2020-01-02 03:04:05');
INSERT INTO people VALUES (2, 'twice@lovelace.dev', 'twice', '{bcrypt}', NULL);
INSERT INTO people VALUES (3, 'twice@lovelace.dev', 'twice2', '{bcrypt}', NULL);
INSERT INTO people VALUES (4, 'social@lovelace.dev', NULL, NULL, NULL);
INSERT INTO people VALUES (5, 'broken@lovelace.dev', NULL, '$2b$04$tooshort', NULL);
INSERT INTO people VALUES (6, 'o''brien@lovelace.dev', NULL, '{bcrypt}', NULL);
""".replace("{bcrypt}", BCRYPT)
QUERY = "SELECT id, mail, login, hash, seen FROM people WHERE mail = :identifier OR login = :identifier -- it's :all"
MAPPING = ('{"fields":{"external_id":"{{id}}","email_address":"{{mail | verified}}","username":"{{login}}",'
           '"password":"{{hash | auto}}","created_at":"{{seen}}"}}')
INJECTIONS = ["' OR '1'='1", "x' OR 1=1 --", "'; DROP TABLE people; --", "\\' OR 1=1 #", "ada@lovelace.dev' --", "%",
              "ada_l\\", "${jndi}", ":identifier", "?1", "$1", "o''brien@lovelace.dev"]


class Trials:
    """What holds for every database. A subclass has self.url, self.run(sql), self.count()."""

    def probe(self, **more):
        return Probe(**{"connector": "sql", "url": self.url, "query": QUERY, "from": MAPPING, **more})

    def test_answers(self):
        with self.probe() as probe:
            yes = probe.ask("ada@lovelace.dev", PASSWORD)
            self.assertEqual(yes["says"], "yes", yes)
            self.assertEqual(yes["user"]["external_id"], "1")
            self.assertEqual(yes["user"]["password_digest"], BCRYPT)
            self.assertEqual(yes["user"]["created_at"], "2020-01-02T03:04:05.000Z")
            self.assertEqual(probe.ask("ada_l", PASSWORD)["user"]["external_id"], "1")
            self.assertEqual(probe.says("o'brien@lovelace.dev", PASSWORD), "yes")
            self.assertEqual(probe.says("ada_l", "wrong"), "no")
            self.assertEqual(probe.says("nobody", PASSWORD), "unknown")
            self.assertEqual(probe.says("ada_l"), "yes")
            self.assertEqual(probe.says("nobody"), "unknown")
            self.assertEqual(probe.ask("social@lovelace.dev", PASSWORD),
                             {"says": "no", "why": "the account has no password"})
            self.assertEqual(probe.says("social@lovelace.dev"), "yes")
            for odd in ("twice@lovelace.dev", "broken@lovelace.dev"):
                self.assertEqual(probe.says(odd, PASSWORD), "cannot_tell", odd)

    def test_nothing_is_pasted(self):
        with self.probe() as probe:
            for text in INJECTIONS:
                self.assertEqual(probe.says(text, PASSWORD), "unknown", text)
            self.assertEqual(probe.says("ada_l", PASSWORD), "yes")
        self.assertEqual(self.count(), 6)

    def test_it_only_reads(self):
        for query in ("DELETE FROM people WHERE mail = :identifier", "UPDATE people SET login = :identifier",
                      "INSERT INTO people (id, mail) VALUES (99, :identifier)"):
            with self.probe(query=query) as probe:
                self.assertEqual(probe.says("ada@lovelace.dev", PASSWORD), "cannot_tell", query)
        self.assertEqual(self.count(), 6)

    def test_a_query_that_fails(self):
        for query in ("SELECT id FROM no_such_table WHERE a = :identifier", "SELEKT :identifier"):
            with self.probe(query=query) as probe:
                said = probe.ask("ada_l", PASSWORD)
                self.assertEqual(said["says"], "cannot_tell")
                self.assertNotIn(SERVER_PASSWORD, said["why"])


class SQLite(Trials, unittest.TestCase):
    def setUp(self):
        context = folder()
        self.path = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        self.url = os.path.join(self.path, "people.db")
        self.run_sql(TABLE)

    def run_sql(self, text):
        with sqlite3.connect(self.url) as base:
            base.executescript(text)
        base.close()

    def count(self):
        base = sqlite3.connect(self.url)
        try:
            return base.execute("SELECT count(*) FROM people").fetchone()[0]
        finally:
            base.close()

    def test_native_digests(self):
        self.run_sql(f"UPDATE people SET hash = '{DJANGO}' WHERE id = 1")
        with self.probe() as probe:
            self.assertEqual(probe.says("ada_l", "päss"), "yes")
            self.assertEqual(probe.says("ada_l", "wrong"), "no")

    def test_columns_named_as_fields(self):
        query = "SELECT 'u' || id AS external_id, mail AS email_address, 'bcrypt' AS password_hasher, " \
                "hash AS password_digest FROM people WHERE mail = :identifier"
        with Probe(connector="sql", url=self.url, query=query) as probe:
            self.assertEqual(probe.ask("ada@lovelace.dev", PASSWORD)["user"]["external_id"], "u1")

    def test_no_such_file(self):
        with self.probe(url="/nonexistent/people.db") as probe:
            self.assertEqual(probe.says("ada_l", PASSWORD), "cannot_tell")

    def test_settings(self):
        for more, says in (({"query": "SELECT 1"}, "no :identifier"), ({"query": "SELECT ':identifier'"}, "no :identifier"),
                           ({"query": "SELECT :user"}, ":user"), ({"query": "SELECT ?1, :identifier"}, "by name"),
                           ({"query": "SELECT $1, :identifier"}, "by name"),
                           ({"moved_query": "UPDATE people SET seen = :external_id"}, "SQLite"),
                           ({"url": "postgres://x/y", "moved_query": "UPDATE people SET seen = 1"}, "neither")):
            said = refusal(**{"connector": "sql", "url": self.url, "query": QUERY, **more})
            self.assertIn(says, said)


class OnServer(Trials):
    def test_moved(self):
        with self.probe(moved_query="UPDATE people SET seen = :clerk_id WHERE id = CAST(:external_id AS "
                        + self.integer + ")") as probe:
            self.assertEqual(probe.moved("ada_l", "1", "user_x")["says"], "told")
        self.assertEqual(self.run_sql("SELECT seen FROM people WHERE id = 1"), "user_x")
        with self.probe(moved_query="UPDATE no_such_table SET seen = :external_id") as probe:
            self.assertEqual(probe.moved("ada_l", "1", "user_x")["says"], "failed")

    def test_a_slow_query_is_ended(self):
        with self.probe(query=self.slow, budget_ms=500) as probe:
            self.assertEqual(probe.says("ada_l", PASSWORD), "cannot_tell")
        for _ in range(200):
            if self.running() == "0":
                break
            time.sleep(0.05)
        self.assertEqual(self.running(), "0", "the statement still runs at the server")

    def test_the_server_goes_and_comes_back(self):
        with self.probe() as probe:
            self.assertEqual(probe.says("ada_l", PASSWORD), "yes")
            self.server.stop()
            self.assertEqual(probe.says("ada_l", PASSWORD), "cannot_tell")
            port = self.server.port
            self.server.start()
            if self.server.port == port:
                self.assertEqual(probe.says("ada_l", PASSWORD), "yes")

    def test_a_wrong_password_of_ours(self):
        with self.probe(url=self.url.replace("s3cret", "wrong")) as probe:
            said = probe.ask("ada_l", PASSWORD)
            self.assertEqual(said["says"], "cannot_tell")
            self.assertNotIn("wrong-", said["why"])


class OnPostgres(OnServer, unittest.TestCase):
    integer = "integer"
    slow = "SELECT id, mail, pg_sleep(60) FROM people WHERE login = :identifier"

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres()
        cls.addClassCleanup(cls.server.__exit__)

    def setUp(self):
        self.server.psql("DROP TABLE IF EXISTS people; " + TABLE, "usher")

    @property
    def url(self):
        return self.server.url

    def run_sql(self, text):
        return self.server.psql(text, "usher").strip()

    def count(self):
        return int(self.run_sql("SELECT count(*) FROM people"))

    def running(self):
        return self.run_sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' "
                            "AND pid <> pg_backend_pid()")


class OnMariaDB(OnServer, unittest.TestCase):
    integer = "SIGNED"
    slow = "SELECT id, mail, SLEEP(60) FROM people WHERE login = :identifier"

    @classmethod
    def setUpClass(cls):
        cls.server = MariaDB()
        cls.addClassCleanup(cls.server.__exit__)

    def setUp(self):
        self.run_sql("DROP TABLE IF EXISTS people; " + TABLE)

    @property
    def url(self):
        return self.server.url

    def run_sql(self, text):
        done = subprocess.run(["mariadb", "--no-defaults", "-N", "-h", "127.0.0.1", "-P", str(self.server.port), "-u", "usher",
                               f"-p{SERVER_PASSWORD}", "usher"], input=text, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def count(self):
        return int(self.run_sql("SELECT count(*) FROM people"))

    def running(self):
        return self.run_sql("SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)%' "
                            "AND id <> connection_id()")


if __name__ == "__main__":
    unittest.main()
