#!/usr/bin/env python3
"""Orders, searches and counts of users: what indexes answer against the same worked out here, user by user."""
import operator
import random
import subprocess
import unittest
import urllib.parse
import urllib.request

import postgres
from lab import Sandbox


def query(path, *pairs):
    return path + "?" + urllib.parse.urlencode(pairs)


def folded(value):
    """As the sandbox compares texts: letters of ASCII without case, all else by its bytes."""
    return None if value is None else value.encode().lower()


def contacts(user, kind):
    return [one[kind] for one in user["email_addresses" if kind == "email_address" else "phone_numbers"]]


def ids(users):
    return [user["external_id"] for user in users]


def primary(user, kind, there):
    return next((one[kind] for one in user[there] if one["id"] == user[f"primary_{kind}_id"]), None)


def names(user):
    first, last = user["first_name"], user["last_name"]
    return [first, last, None if first is None or last is None else f"{first} {last}"]


class Lists(unittest.TestCase):
    TEXTS = ("", "Ada", "ada", "ADA", "A_a", "a%a", "\\a", "Élan", "élan", "ÉLAN", "Ж", "ж", "李", "a\u0301", "zz",
             "Zz" * 128, "y" * 256, " ' ", "[x", "^x", "`x", '"x"', "0", "-1")
    WORDS = ("ann", "ANN", "AnN.X", "a%a", "A_A", "%", "_", "%%%", "___", "\\", "\\a", "élan", "ÉLAN", "lan", "李", "ж",
             "a\u0301", "zz", "zzz", "ZZZZ", "z" * 256, "z" * 257, "y" * 256, "y" * 8000, " ' ", "'", '"x"', '"""',
             "[x", "^x", "555", "+1415", "second@exam", "example.com", "EXAMPLE.COM", "ada ada", "da ad", "a A", "under_s",
             "under-s", "user_", "no such", "NEAR(a b)", "a AND b", "x*", "12", "2")
    # As SQL, and of a user's JSON. Letters of ASCII are folded; who has no value is first going up.
    ORDERS = {
        "created_at": ("created_at", lambda u: u["created_at"]),
        "updated_at": ("updated_at", lambda u: u["updated_at"]),
        "email_address": ("(SELECT value FROM identifiers WHERE account = seq AND number = primary_email)"
                          " COLLATE nocase",
                          lambda u: folded(primary(u, "email_address", "email_addresses"))),
        "phone_number": ("(SELECT value FROM identifiers WHERE account = seq AND number = primary_phone)",
                         lambda u: folded(primary(u, "phone_number", "phone_numbers"))),
        "web3wallet": ("CAST(NULL AS TEXT)", lambda u: None),
        "first_name": ("first_name COLLATE nocase", lambda u: folded(u["first_name"])),
        "last_name": ("last_name COLLATE nocase", lambda u: folded(u["last_name"])),
        "username": ("username COLLATE nocase", lambda u: folded(u["username"])),
        "last_active_at": ("last_active_at", lambda u: u["last_active_at"]),
        "last_sign_in_at": ("last_sign_in_at", lambda u: u["last_sign_in_at"]),
    }
    SEARCHES = {
        "query": lambda u: [*contacts(u, "email_address"), *contacts(u, "phone_number"), u["username"], u["id"],
                            *names(u)],
        "email_address_query": lambda u: contacts(u, "email_address"),
        "phone_number_query": lambda u: contacts(u, "phone_number"),
        "username_query": lambda u: [u["username"]],
        "name_query": lambda u: names(u),
    }

    def ok(self, box, method, path, body=None):
        status, answer = box.call(method, path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def grow(self, box, some, count):
        """More users, and changes to those that are there: other primary addresses, other names, fewer of both."""
        made = []
        for n in range(len(self.users), len(self.users) + count):
            tag = some.choice(("Ann", "ann", "aNN.x", "zoe%", "b_b"))
            more = {}
            if some.random() < 0.5:
                more["phone_number"] = [f"+1415555{n:04}"]
            if some.random() < 0.5:
                more["username"] = some.choice(("User", "uSER", "under_score")) + f"-{n}"
            emails = [f"{tag}{n}@Example.com", f"{n}-second@example.com"][:some.randint(1, 2)]
            made.append(self.ok(box, "POST", "/v1/users", {
                "external_id": str(n), "email_address": emails, "skip_password_requirement": True,
                "first_name": some.choice(self.TEXTS), "last_name": some.choice(self.TEXTS),
                "created_at": f"2020-01-{some.randint(1, 3):02}T00:00:00Z", **more}))
        for user in made[:5]:
            token = self.ok(box, "POST", "/v1/sign_in_tokens", {"user_id": user["id"]})["token"]
            form = urllib.parse.urlencode({"strategy": "ticket", "ticket": token}).encode()
            with urllib.request.urlopen(box.url + "/v1/client/sign_ins", form, 60) as answer:
                self.assertIn(b'"complete"', answer.read())
        for user in some.sample(made, count // 2):
            path, email = "/v1/users/" + user["id"], user["email_addresses"][-1]["id"]
            if some.random() < 0.4:
                self.ok(box, "PATCH", path, {"first_name": some.choice(self.TEXTS), "primary_email_address_id": email})
            elif some.random() < 0.4:
                new = {"user_id": user["id"], "email_address": f"new{user['external_id']}@example.com", "primary": True,
                       "verified": True}
                self.ok(box, "POST", "/v1/email_addresses", new)
            elif some.random() < 0.4:
                self.ok(box, "POST", path + "/ban")
            elif user["username"]:
                self.ok(box, "DELETE", "/v1/email_addresses/" + user["primary_email_address_id"])
            else:
                self.ok(box, "DELETE", path)
        self.users += [user["external_id"] for user in made]

    def listed(self, box, *pairs):
        return self.ok(box, "GET", query("/v1/users", *pairs, *(() if "limit" in dict(pairs) else (("limit", "500"),))))

    def check_moments(self, box, users):
        for name in ("created_at", "last_active_at", "last_sign_in_at"):
            known = sorted({u[name] for u in users if u[name] is not None})
            self.assertTrue(known, name)
            for at in (0, known[0], known[-1], known[-1] + 1):
                for end, fits in (("before", operator.lt), ("after", operator.gt), ("since", operator.ge)):
                    if (name, end) in (("created_at", "since"), ("last_sign_in_at", "since")):
                        continue  # Clerk has none
                    with self.subTest(moment=f"{name}_{end}", at=at):
                        wanted = [u["external_id"] for u in users if u[name] is not None and fits(u[name], at)]
                        where = (f"{name}_{end}", str(at))
                        self.assertEqual(ids(self.listed(box, where, ("order_by", "+created_at"))), wanted)
                        count = self.ok(box, "GET", query("/v1/users/count", where))
                        self.assertEqual(count["total_count"], len(wanted))

    def wanted_order(self, name, down, data, users):
        """The external ids: PostgreSQL orders texts by its own rules, so there it sorts all users itself."""
        expression, key = self.ORDERS[name]
        if not data:
            return ids(sorted(users, reverse=down, key=lambda u: (key(u) is not None, key(u) or 0,
                                                                  int(u["external_id"]))))
        way, nulls = ("DESC", "LAST") if down else ("ASC", "FIRST")
        statement = f"SELECT external_id FROM users ORDER BY {expression} {way} NULLS {nulls}, seq {way}"
        done = subprocess.run(["psql", data, "-qAtc", statement], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def check_orders(self, box, data, users):
        for name in self.ORDERS:
            for sign in "-+":
                order = ("order_by", sign + name)
                with self.subTest(order=order):
                    wanted = self.wanted_order(name, sign == "-", data, users)
                    self.assertEqual(ids(self.listed(box, order)), wanted)
                    pages = []
                    for at in range(0, len(users) + 1, 17):
                        pages += ids(self.listed(box, ("limit", "17"), ("offset", str(at)), order))
                    self.assertEqual(pages, wanted)
                    banned = {u["external_id"] for u in users if u["banned"]}
                    self.assertTrue(banned)
                    self.assertEqual(ids(self.listed(box, order, ("banned", "true"))),
                                     [one for one in wanted if one in banned])
                    self.assertEqual(ids(self.listed(box, order, ("banned", "false"))),
                                     [one for one in wanted if one not in banned])

    def check_searches(self, box, users):
        words = [*self.WORDS, users[0]["id"], users[-1]["id"][9:17], users[0]["id"].swapcase()]
        for name, values in self.SEARCHES.items():
            for word in words:
                with self.subTest(search=name, word=word[:20]):
                    wanted = ids(u for u in users if any(folded(word) in folded(value)
                                                         for value in values(u) if value is not None))
                    self.assertEqual(ids(self.listed(box, (name, word), ("order_by", "+created_at"))), wanted)
                    some = ids(self.listed(box, (name, word), ("limit", "3"), ("order_by", "-email_address")))
                    self.assertEqual(len(some), min(3, len(wanted)))
                    self.assertLessEqual(set(some), set(wanted))
                    count = self.ok(box, "GET", query("/v1/users/count", (name, word)))
                    self.assertEqual(count["total_count"], len(wanted))

    def test_indexes_change_no_answer(self):
        self.users = []
        some = random.Random(7)
        data = postgres.fresh_database()
        with Sandbox("--limits", "off", data=data) as box:
            for count in (60, 40):  # the second time the indexes are there, and have followed
                self.grow(box, some, count)
                users = self.listed(box, ("order_by", "+created_at"))
                self.assertEqual(self.ok(box, "GET", "/v1/users/count")["total_count"], len(users))
                for flag in (True, False):
                    path = "/v1/users/count?banned=" + str(flag).lower()
                    self.assertEqual(self.ok(box, "GET", path)["total_count"], sum(u["banned"] is flag for u in users))
                self.check_moments(box, users)
                self.check_orders(box, data, users)
                self.check_searches(box, users)


if __name__ == "__main__":
    unittest.main()
