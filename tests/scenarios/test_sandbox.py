"""The local Clerk: every endpoint, every refusal, limits, faults, durability, shutting down."""
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest
import urllib.parse

from lab import BCRYPT, KEY, PASSWORD, USHER, Sandbox, folder, usher

DEVELOPMENT_KEY = "sk_test_" + "d4" * 20
SHARED = os.environ["USHER_SHARED"]


def exchange(box, method, path, body=None, headers=None, key=KEY):
    """One request, as raw as may be; returns (status, decoded body, headers)."""
    connection = http.client.HTTPConnection(box.ready["listen"], timeout=30)
    sent = {"Content-Type": "application/json", **(headers or {})}
    if key:
        sent.setdefault("Authorization", "Bearer " + key)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers
    finally:
        connection.close()


def query(path, *pairs):
    return path + "?" + urllib.parse.urlencode(pairs)


class Case(unittest.TestCase):
    def ok(self, box, method, path, body=None):
        status, answer = box.call(method, path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, box, method, path, body=None, *, code, status=422, param=None, **more):
        got, answer, headers = exchange(box, method, path, body, **more)
        self.assertEqual(got, status, answer)
        error = answer["errors"][0]
        self.assertEqual(error["code"], code, answer)
        self.assertTrue(error["message"] and error["long_message"])
        self.assertRegex(answer["clerk_trace_id"], "^[0-9a-f]{32}$")
        self.assertEqual(headers["Content-Type"], "application/json")
        if param:
            self.assertEqual(error["meta"]["param_name"], param)
        return error

    def create(self, box, **fields):
        fields.setdefault("skip_password_requirement", True)
        return self.ok(box, "POST", "/v1/users", fields)


class Users(Case):
    def test_create_with_all_fields_and_read_back(self):
        with Sandbox("--limits", "off") as box:
            made = self.create(
                box, external_id="auth0|1", first_name="Ada", last_name="Lovelace", locale="en-GB",
                email_address=["Ada@example.com", "countess@example.com"],
                email_address_identification_status=["verified", "reserved"],
                phone_number=["+14155550100"], username="Ada_L",
                password_digest=BCRYPT, password_hasher="bcrypt",
                totp_secret="JBSWY3DPEHPK3PXP", backup_codes=["one-code", "two-code"],
                public_metadata={"plan": "pro", "n": 18446744073709551615, "f": 1.5},
                private_metadata={"crm": [1, {"a": None}]}, unsafe_metadata={"ü": "\u2028"},
                delete_self_enabled=False, create_organization_enabled=False,
                create_organizations_limit=3, legal_accepted_at="2021-01-01T00:00:00Z",
                created_at="2015-12-10T08:30:00.123Z", bypass_client_trust=True, banned=True,
                locked=True)
            user = self.ok(box, "GET", "/v1/users/" + made["id"])
            self.assertEqual(made, user)
            self.assertEqual(user["created_at"], 1449736200123)
            self.assertEqual([e["reserved"] for e in user["email_addresses"]], [False, True])
            self.assertEqual([(e["verification"] or {}).get("status")
                              for e in user["email_addresses"]], ["verified", None])
            self.assertEqual(user["primary_email_address_id"], user["email_addresses"][0]["id"])
            self.assertEqual(user["primary_phone_number_id"], user["phone_numbers"][0]["id"])
            self.assertEqual(user["public_metadata"],
                             {"plan": "pro", "n": 18446744073709551615, "f": 1.5})
            self.assertEqual(user["private_metadata"], {"crm": [1, {"a": None}]})
            self.assertEqual(user["unsafe_metadata"], {"ü": "\u2028"})
            self.assertEqual(
                [user[f] for f in ("banned", "locked", "password_enabled", "totp_enabled",
                                   "backup_code_enabled", "two_factor_enabled",
                                   "delete_self_enabled", "create_organization_enabled",
                                   "bypass_client_trust")],
                [True, True, True, True, True, True, False, False, True])
            self.assertIn(user["lockout_expires_in_seconds"], range(3590, 3601))
            self.assertEqual(user["create_organizations_limit"], 3)

    def test_what_create_refuses(self):
        email = {"email_address": ["x@example.com"], "skip_password_requirement": True}
        cases = [
            ({"email_addres": ["x@example.com"]}, "form_param_unknown", "email_addres"),
            ({**email, "external_id": 7}, "form_param_type_invalid", "external_id"),
            ({**email, "email_address": "x@example.com"}, "form_param_type_invalid", "email_address"),
            ({**email, "email_address": [1]}, "form_param_type_invalid", "email_address"),
            ({**email, "public_metadata": []}, "form_param_type_invalid", "public_metadata"),
            ({**email, "banned": "yes"}, "form_param_type_invalid", "banned"),
            ({**email, "created_at": "yesterday"}, "form_param_invalid_date", "created_at"),
            ({**email, "created_at": "2020-01-01"}, "form_param_invalid_date", "created_at"),
            ({**email, "created_at": 1577934245678}, "form_param_type_invalid", "created_at"),
            ({**email, "email_address": ["no-at"]}, "form_param_format_invalid", "email_address"),
            ({**email, "email_address": ["x@host.local"]}, "form_param_format_invalid", "email_address"),
            ({**email, "email_address": ["a" * 65 + "@example.com"]}, "form_param_format_invalid",
             "email_address"),
            ({**email, "email_address": ["x@example.com", "X@example.com"]}, "form_param_duplicate",
             "email_address"),
            ({**email, "phone_number": ["4155550100"]}, "form_param_format_invalid", "phone_number"),
            ({**email, "username": "abc"}, "form_username_invalid_length", "username"),
            ({**email, "username": "a" * 65}, "form_username_invalid_length", "username"),
            ({**email, "username": "has space"}, "form_username_invalid_character", "username"),
            ({**email, "username": "123456"}, "form_username_needs_non_number_char", "username"),
            ({**email, "username": "+14155550100"}, "form_username_cannot_be_phone_number", "username"),
            ({**email, "first_name": "https://spam.example.com"}, "form_param_value_invalid",
             "first_name"),
            ({**email, "email_address_identification_status": ["verified", "reserved"]},
             "form_param_array_length_mismatch", "email_address_identification_status"),
            ({**email, "email_address_identification_status": ["maybe"]}, "form_param_value_invalid",
             "email_address_identification_status"),
            ({**email, "password_digest": BCRYPT}, "form_conditional_param_missing", "password_hasher"),
            ({**email, "password_hasher": "bcrypt"}, "form_conditional_param_missing",
             "password_digest"),
            ({**email, "password_digest": BCRYPT, "password_hasher": "rot13"},
             "form_param_value_invalid", "password_hasher"),
            ({**email, "password_digest": BCRYPT[:-1], "password_hasher": "bcrypt"},
             "form_password_digest_invalid_code", "password_digest"),
            ({**email, "password_digest": BCRYPT.replace("$04$", "$16$"), "password_hasher": "bcrypt"},
             "form_password_digest_invalid_code", "password_digest"),
            ({**email, "password": "short"}, "form_password_length_too_short", "password"),
            ({**email, "password": "x" * 73}, "form_password_size_in_bytes_exceeded", "password"),
            ({**email, "password": "long enough", "password_digest": BCRYPT,
              "password_hasher": "bcrypt"}, "form_conditional_param_disallowed", "password_digest"),
            ({**email, "totp_secret": "not base32!"}, "invalid_totp_secret_code", "totp_secret"),
            ({**email, "external_id": "x" * 1025}, "form_param_max_length_exceeded", "external_id"),
            ({**email, "first_name": "a\u0000b"}, "form_param_format_invalid", "first_name"),
            ({**email, "create_organizations_limit": -1}, "form_param_value_invalid",
             "create_organizations_limit"),
            ({"email_address": ["x@example.com"]}, "form_data_missing", None),
            ({"skip_password_requirement": True}, "form_data_missing", None),
        ]
        with Sandbox("--limits", "off") as box:
            for body, code, param in cases:
                with self.subTest(body=body):
                    self.refused(box, "POST", "/v1/users", body, code=code, param=param)
            self.refused(box, "POST", "/v1/users", {**email, "web3_wallet": ["0x1"]}, status=403,
                         code="feature_not_enabled", param="web3_wallet")
            self.refused(box, "POST", "/v1/users", code="form_param_duplicate",
                         body=b'{"username":"abcd","username":"abcd"}')
            self.assertEqual(box.count(), 0)
            self.create(box, **email)  # what is right passes

    def test_identifiers_are_unique(self):
        with Sandbox("--limits", "off") as box:
            self.create(box, external_id="1", email_address=["a@example.com"],
                        phone_number=["+14155550100"], username="Ada_L")
            fresh = {"email_address": ["new@example.com"], "skip_password_requirement": True}
            for field, value in (("external_id", "1"), ("email_address", ["new@example.com", "A@Example.com"]),
                                 ("phone_number", ["+14155550100"]), ("username", "aDA_l")):
                self.refused(box, "POST", "/v1/users", {**fresh, field: value},
                             code="form_identifier_exists", param=field)
            # Nothing of a refused one is left: its first address is free still.
            self.create(box, external_id="2", **fresh)
            self.assertEqual(box.count(), 2)
            self.assertEqual(self.ok(box, "GET", "/v1/sandbox/stats")["duplicates"], 4)

    def test_of_many_at_once_one_wins(self):
        with Sandbox("--limits", "off") as box:
            statuses = []
            body = {"external_id": "same", "email_address": ["same@example.com"],
                    "skip_password_requirement": True}

            def ask():
                statuses.append(exchange(box, "POST", "/v1/users", body)[0])
            threads = [threading.Thread(target=ask) for _ in range(24)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(statuses), [200] + [422] * 23)
            self.assertEqual(box.count(), 1)

    def test_update(self):
        with Sandbox("--limits", "off") as box:
            user = self.create(box, external_id="1", email_address=["a@example.com", "b@example.com"],
                               username="before", first_name="Before", public_metadata={"k": 1})
            path = "/v1/users/" + user["id"]
            changed = self.ok(box, "PATCH", path, {
                "external_id": "one", "first_name": "After", "username": None, "locale": "de",
                "primary_email_address_id": user["email_addresses"][1]["id"],
                "created_at": "2001-02-03T04:05:06Z", "delete_self_enabled": False,
                "password_digest": BCRYPT, "password_hasher": "bcrypt"})
            self.assertEqual([changed[f] for f in ("external_id", "first_name", "username", "locale",
                                                   "created_at", "delete_self_enabled",
                                                   "password_enabled", "public_metadata")],
                             ["one", "After", None, "de", 981173106000, False, True, {"k": 1}])
            self.assertEqual(changed["primary_email_address_id"], user["email_addresses"][1]["id"])
            self.assertGreaterEqual(changed["updated_at"], user["updated_at"])
            self.assertEqual(self.ok(box, "PATCH", path, {"first_name": None})["first_name"], None)
            self.create(box, external_id="2", username="taken_name")
            for body, code, param in (
                    ({"external_id": "2"}, "form_identifier_exists", "external_id"),
                    ({"username": "Taken_Name"}, "form_identifier_exists", "username"),
                    ({"public_metadata": {}}, "form_param_unknown", "public_metadata"),
                    ({"primary_email_address_id": "idn_none"}, "form_resource_not_found",
                     "primary_email_address_id")):
                self.refused(box, "PATCH", path, body, code=code, param=param)
            self.refused(box, "PATCH", "/v1/users/user_none", {}, status=404, code="resource_not_found")
            self.assertEqual(self.ok(box, "GET", path)["external_id"], "one")

    def test_metadata(self):
        with Sandbox("--limits", "off") as box:
            user = self.create(box, email_address=["a@example.com"],
                               public_metadata={"a": {"b": 1, "c": {"d": 2}}, "keep": [1]},
                               private_metadata={"p": 1})
            path = f"/v1/users/{user['id']}/metadata"
            merged = self.ok(box, "PATCH", path, {"public_metadata": {
                "a": {"b": None, "c": {"e": 3}, "n": {"x": None, "y": 0}}, "new": "v", "keep": [2]}})
            self.assertEqual(merged["public_metadata"],
                             {"a": {"c": {"d": 2, "e": 3}, "n": {"y": 0}}, "keep": [2], "new": "v"})
            self.assertEqual(merged["private_metadata"], {"p": 1})
            replaced = self.ok(box, "PUT", path, {"public_metadata": {"only": 1}, "unsafe_metadata": {}})
            self.assertEqual(replaced["public_metadata"], {"only": 1})
            self.assertEqual(replaced["private_metadata"], {"p": 1})
            self.refused(box, "PATCH", path, {"public_metadata": "x"}, code="form_param_type_invalid",
                         param="public_metadata")
            self.refused(box, "PATCH", path, {"metadata": {}}, code="form_param_unknown")
            huge = {"public_metadata": {f"k{n}": n for n in range(20000)}}
            self.assertEqual(self.ok(box, "PUT", path, huge)["public_metadata"], huge["public_metadata"])
            began = time.monotonic()
            self.refused(box, "PATCH", path, huge, code="form_param_exceeds_allowed_size")
            self.assertLess(time.monotonic() - began, 5)

    def test_ban_lock_delete(self):
        with Sandbox("--limits", "off") as box:
            users = [self.create(box, email_address=[f"u{n}@example.com"], external_id=str(n))
                     for n in range(3)]
            path = "/v1/users/" + users[0]["id"]
            self.assertTrue(self.ok(box, "POST", path + "/ban")["banned"])
            self.assertEqual([u["id"] for u in self.ok(box, "GET", "/v1/users?banned=true")],
                             [users[0]["id"]])
            self.assertFalse(self.ok(box, "POST", path + "/unban")["banned"])
            locked = self.ok(box, "POST", path + "/lock")
            self.assertTrue(locked["locked"] and locked["lockout_expires_in_seconds"] > 3500)
            unlocked = self.ok(box, "POST", path + "/unlock")
            self.assertEqual((unlocked["locked"], unlocked["lockout_expires_in_seconds"]), (False, None))
            ids = [u["id"] for u in users]
            self.assertEqual([u["banned"] for u in self.ok(box, "POST", "/v1/users/ban",
                                                           {"user_ids": ids})], [True] * 3)
            self.assertEqual([u["banned"] for u in self.ok(box, "POST", "/v1/users/unban",
                                                           {"user_ids": ids[:2]})], [False] * 2)
            # One unknown id: none is changed.
            self.refused(box, "POST", "/v1/users/ban", {"user_ids": ids[:2] + ["user_none"]},
                         status=404, code="resource_not_found")
            self.assertEqual(len(self.ok(box, "GET", "/v1/users?banned=true")), 1)
            self.refused(box, "POST", "/v1/users/ban", {"user_ids": []}, code="form_param_value_invalid")
            self.refused(box, "POST", "/v1/users/ban", {}, code="form_param_missing", param="user_ids")
            self.refused(box, "POST", "/v1/users/ban", {"user_ids": ids * 17},
                         code="form_param_array_size_exceeded")
            self.assertEqual(self.ok(box, "DELETE", path), {
                "object": "user", "id": ids[0], "external_id": "0", "deleted": True})
            self.refused(box, "GET", path, status=404, code="resource_not_found")
            self.refused(box, "DELETE", path, status=404, code="resource_not_found")
            self.create(box, email_address=["u0@example.com"], external_id="0")  # all free again


class Lists(Case):
    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox("--limits", "off").__enter__()
        case = cls()
        for n in range(12):
            case.create(cls.box, external_id=f"id{n}" if n else "+odd", username=f"user_{n:02}",
                        email_address=[f"m{n}@example.com", f"+second-{n}@example.com"],
                        phone_number=[f"+1415555{n:04}"], first_name=f"F-{n % 3}", last_name="100%_\\",
                        created_at=f"2020-01-{n + 1:02}T00:00:00Z")

    @classmethod
    def tearDownClass(cls):
        cls.box.stop(signal.SIGTERM)

    def found(self, *pairs):
        users = self.ok(self.box, "GET", query("/v1/users", *pairs))
        count = self.ok(self.box, "GET", query("/v1/users/count",
                                               *(p for p in pairs if p[0] != "limit")))
        self.assertEqual(count["object"], "total_count")
        if ("limit", "500") in pairs:
            self.assertEqual(count["total_count"], len(users))
        return [int(u["username"][5:]) for u in users]

    def test_filters(self):
        whole = ("limit", "500")
        cases = [
            ([("external_id", "id3")], [3]), ([("external_id", "+id3")], [3]),
            ([("external_id", "++odd")], [0]), ([("external_id", "+odd")], []),
            ([("external_id", "id3"), ("external_id", "id5"), ("external_id", "none")], [5, 3]),
            ([("external_id", "-id3"), ("external_id", "-id4")], [11, 10, 9, 8, 7, 6, 5, 2, 1, 0]),
            ([("external_id[]", "id7")], [7]),
            ([("email_address", "M4@example.com")], [4]),
            ([("email_address", "++second-4@example.com")], [4]),
            ([("email_address", "m1@example.com"), ("email_address", "m2@example.com")], [2, 1]),
            ([("phone_number", "+14155550003")], [3]), ([("phone_number", "++14155550003")], [3]),
            ([("username", "USER_05")], [5]), ([("user_id", "user_none")], []),
            ([("organization_id", "org_1")], []), ([("web3_wallet", "0x1")], []),
            ([("query", "econd-1")], [11, 10, 1]), ([("query", "f-1")], [10, 7, 4, 1]),
            ([("name_query", "f-2 100%_\\")], [11, 8, 5, 2]), ([("name_query", "100__")], []),
            ([("email_address_query", "M1")], [11, 10, 1]), ([("phone_number_query", "0011")], [11]),
            ([("username_query", "R_1")], [11, 10]), ([("banned", "true")], []),
            ([("created_at_before", "1578009600000")], [1, 0]),
            ([("created_at_after", "1578700800000")], [11]),
            ([("created_at_after", "1577836800000"), ("created_at_before", "1578009600000")], [1]),
            ([("last_active_at_after", "0")], []), ([("last_sign_in_at_before", "9999999999999")], []),
            ([("external_id", "id3"), ("username", "user_04")], []),
        ]
        for pairs, wanted in cases:
            with self.subTest(pairs=pairs):
                self.assertEqual(self.found(*pairs, whole), wanted)

    def test_orders_and_pages(self):
        self.assertEqual(self.found(), [11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
        self.assertEqual(self.found(("limit", "3"), ("offset", "2")), [9, 8, 7])
        self.assertEqual(self.found(("order_by", "created_at"), ("limit", "3")), [0, 1, 2])
        self.assertEqual(self.found(("order_by", "+username"), ("limit", "2")), [0, 1])
        self.assertEqual(self.found(("order_by", "-email_address"), ("limit", "2")), [9, 8])
        self.assertEqual(self.found(("order_by", "phone_number"), ("limit", "1")), [0])
        self.assertEqual(self.found(("order_by", "first_name"), ("order_by", "x"), ("limit", "2")), [0, 3])
        for way in ("-", "+"):
            seen, after = [], ()
            while True:
                page = self.ok(self.box, "GET", query("/v1/users", ("limit", "5"),
                                                      ("order_by", way + "created_at"), *after))
                seen += [int(u["username"][5:]) for u in page]
                if len(page) < 5:
                    break
                after = (("starting_after", page[-1]["id"]),)
            self.assertEqual(seen, sorted(range(12), reverse=way == "-"))

    def test_cursor_among_users_of_one_time(self):
        with Sandbox("--limits", "off") as box:
            for n, day in enumerate((1, 2, 2, 2, 2, 2, 3)):
                self.create(box, external_id=str(n), email_address=[f"t{n}@example.com"],
                            created_at=f"2020-01-{day:02}T00:00:00Z")
            for way in ("-", "+"):
                for size in (1, 2, 3, 5):
                    seen, page, after = [], True, ()
                    while page:
                        page = self.ok(box, "GET", query("/v1/users", ("limit", str(size)), ("query", "example"),
                                                         ("order_by", way + "created_at"), *after))
                        seen += [int(u["external_id"]) for u in page]
                        after = (("starting_after", page[-1]["id"]),) if page else ()
                    self.assertEqual(seen, sorted(range(7), reverse=way == "-"))

    def test_refusals(self):
        some = self.ok(self.box, "GET", "/v1/users?limit=1")[0]["id"]
        cases = [
            ((("limit", "0"),), "form_param_value_invalid", "limit"),
            ((("limit", "501"),), "form_param_value_invalid", "limit"),
            ((("limit", "many"),), "form_param_type_invalid", "limit"),
            ((("offset", "-1"),), "form_param_type_invalid", "offset"),
            ((("order_by", "shoe_size"),), "form_param_value_invalid", "order_by"),
            ((("banned", "maybe"),), "form_param_type_invalid", "banned"),
            ((("created_at_after", "2020"), ("created_at_before", "x")), "form_param_type_invalid",
             "created_at_before"),
            ((("starting_after", some), ("order_by", "username")),
             "form_conditional_param_disallowed", "order_by"),
            ((("starting_after", some), ("offset", "1")), "form_conditional_param_disallowed", "offset"),
            ((("starting_after", "user_none"),), "form_resource_not_found", "starting_after"),
            (tuple(("external_id", str(n)) for n in range(101)), "form_param_array_size_exceeded",
             "external_id"),
        ]
        for pairs, code, param in cases:
            with self.subTest(pairs=pairs[:2]):
                self.refused(self.box, "GET", query("/v1/users", *pairs), code=code, param=param)
        self.refused(self.box, "GET", "/v1/users?query=%FF", status=400,
                     code="malformed_request_parameters")
        hundred = [("external_id", f"+{'x' * 60}{n}") for n in range(99)] + [("external_id", "id1")]
        self.assertEqual(self.found(*hundred, ("limit", "500")), [1])


class Contacts(Case):
    def test_email_addresses(self):
        with Sandbox("--limits", "off") as box:
            user = self.create(box, email_address=["a@example.com"])
            new = {"user_id": user["id"], "email_address": "b@example.com"}
            made = self.ok(box, "POST", "/v1/email_addresses", new)
            self.assertEqual((made["verification"], made["reserved"]), (None, False))
            path = "/v1/email_addresses/" + made["id"]
            self.assertEqual(self.ok(box, "GET", path), made)
            self.refused(box, "PATCH", path, {"primary": True}, status=400,
                         code="identification_update_failed")
            self.refused(box, "POST", "/v1/email_addresses", new, code="form_identifier_exists")
            # Unverified, it is not locked to the user: another may claim it.
            other = self.create(box, email_address=["b@example.com"])
            self.refused(box, "PATCH", path, {"verified": True}, code="form_identifier_exists",
                         param="email_address")
            self.ok(box, "DELETE", "/v1/users/" + other["id"])
            self.assertEqual(self.ok(box, "PATCH", path, {"verified": True, "primary": True})
                             ["verification"]["status"], "verified")
            self.assertEqual(self.ok(box, "GET", "/v1/users/" + user["id"])["primary_email_address_id"],
                             made["id"])
            self.assertEqual(self.ok(box, "DELETE", path),
                             {"object": "email_address", "id": made["id"], "deleted": True})
            self.assertEqual(self.ok(box, "GET", "/v1/users/" + user["id"])["primary_email_address_id"],
                             user["email_addresses"][0]["id"])
            self.refused(box, "GET", path, status=404, code="resource_not_found")
            self.refused(box, "DELETE", "/v1/email_addresses/" + user["email_addresses"][0]["id"],
                         status=400, code="last_required_identification_deletion_failed")
            self.refused(box, "POST", "/v1/email_addresses", {"user_id": user["id"]},
                         code="form_param_missing", param="email_address")
            self.refused(box, "POST", "/v1/email_addresses", {**new, "email_address": "nope"},
                         code="form_param_format_invalid", param="email_address")
            self.refused(box, "POST", "/v1/email_addresses", {**new, "user_id": "user_none"},
                         status=404, code="resource_not_found")

    def test_phone_numbers(self):
        with Sandbox("--limits", "off") as box:
            user = self.create(box, email_address=["a@example.com"])
            new = {"user_id": user["id"], "phone_number": "+14155550100", "verified": True,
                   "reserved_for_second_factor": True}
            made = self.ok(box, "POST", "/v1/phone_numbers", new)
            self.assertTrue(made["reserved_for_second_factor"] and made["default_second_factor"])
            shown = self.ok(box, "GET", "/v1/users/" + user["id"])
            self.assertTrue(shown["two_factor_enabled"])
            self.assertEqual(shown["primary_phone_number_id"], made["id"])
            self.refused(box, "POST", "/v1/phone_numbers",
                         {"user_id": user["id"], "phone_number": "+14155550101",
                          "reserved_for_second_factor": True}, code="form_param_value_invalid")
            path = "/v1/phone_numbers/" + made["id"]
            self.refused(box, "GET", "/v1/email_addresses/" + made["id"], status=404,
                         code="resource_not_found")
            self.assertEqual(self.ok(box, "DELETE", f"/v1/users/{user['id']}/mfa"),
                             {"user_id": user["id"]})
            self.assertFalse(self.ok(box, "GET", path)["reserved_for_second_factor"])
            self.assertTrue(self.ok(box, "DELETE", path)["deleted"])

    def test_replacing_all(self):
        with Sandbox("--limits", "off") as box:
            user = self.create(box, email_address=["a@example.com", "b@example.com"],
                               phone_number=["+14155550100"])
            taken = self.create(box, email_address=["taken@example.com"])
            path = f"/v1/users/{user['id']}/email_address"
            self.refused(box, "PUT", path, {"email_address": "taken@example.com"},
                         code="form_identifier_exists", param="email_address")
            self.assertEqual(len(self.ok(box, "GET", "/v1/users/" + user["id"])["email_addresses"]), 2)
            made = self.ok(box, "PUT", path, {"email_address": "b@example.com",
                                              "identification_status": "reserved"})
            self.assertTrue(made["reserved"])
            now = self.ok(box, "GET", "/v1/users/" + user["id"])
            self.assertEqual([e["id"] for e in now["email_addresses"]], [made["id"]])
            self.assertEqual(now["primary_email_address_id"], made["id"])
            self.assertEqual(len(now["phone_numbers"]), 1)
            self.ok(box, "PUT", f"/v1/users/{user['id']}/phone_number", {"phone_number": "+14155550111"})
            self.refused(box, "PUT", path, {"email_address": "c@example.com",
                                            "identification_status": "sure"},
                         code="form_param_value_invalid", param="identification_status")
            self.assertEqual(self.ok(box, "GET", "/v1/users/" + taken["id"])["email_addresses"][0]
                             ["email_address"], "taken@example.com")


class Passwords(Case):
    def test_verify_and_move_to_bcrypt(self):
        with Sandbox("--limits", "off") as box:
            with open(os.path.join(SHARED, "digests", "vectors.jsonl"), encoding="utf-8") as file:
                vectors = [json.loads(line) for line in file]
            insecure = {"md5", "md5_salted", "sha256", "sha256_salted", "sha512_symfony"}
            seen = set()
            for vector in vectors:
                hasher, password = vector["hasher"], vector["password"]
                if hasher in seen or not vector["match"] or not password or len(password) > 60 or \
                        "\0" in password + vector["digest"]:
                    continue
                seen.add(hasher)
                user = self.create(box, email_address=[f"{hasher}@example.com"], password_hasher=hasher,
                                   password_digest=vector["digest"])
                path, inside = "/v1/users/" + user["id"], "/v1/sandbox/users/" + user["id"]
                before = self.ok(box, "GET", inside)
                self.assertEqual((before["password_hasher"], before["insecure"]),
                                 (hasher, hasher in insecure))
                self.assertNotIn(vector["digest"], json.dumps(before))
                for _ in range(2):
                    self.refused(box, "POST", path + "/verify_password", {"password": password + "!"},
                                 code="incorrect_password")
                self.assertEqual(self.ok(box, "GET", inside), before)  # a wrong one changes nothing
                for _ in range(2):
                    self.assertEqual(self.ok(box, "POST", path + "/verify_password",
                                             {"password": password}), {"verified": True})
                after = self.ok(box, "GET", inside)
                self.assertEqual(after["password_hasher"],
                                 "bcrypt" if hasher in insecure else hasher)
                self.assertFalse(after["insecure"])
            self.assertEqual(len(seen), 21)  # all but awscognito, which has no digest of its own
            stats = self.ok(box, "GET", "/v1/sandbox/stats")
            self.assertEqual((stats["passwords_right"], stats["passwords_wrong"],
                              stats["passwords_moved"]), (42, 42, 5))

    def test_other_password_calls(self):
        with Sandbox("--limits", "off") as box:
            user = self.create(box, email_address=["a@example.com"])
            path = "/v1/users/" + user["id"]
            self.refused(box, "POST", path + "/verify_password", {"password": "x"}, status=400,
                         code="no_password_set")
            self.refused(box, "POST", path + "/verify_password", {}, code="form_param_missing",
                         param="password")
            self.refused(box, "POST", path + "/verify_password", {"password": None},
                         code="form_param_nil", param="password")
            self.ok(box, "PATCH", path, {"password": "Correct horse 9"})
            self.ok(box, "POST", path + "/verify_password", {"password": "Correct horse 9"})
            self.assertFalse(self.ok(box, "POST", path + "/remove_password")["password_enabled"])
            made = self.ok(box, "POST", "/v1/users", {"email_address": ["b@example.com"],
                                                      "password": "Another horse 9"})
            self.ok(box, "POST", f"/v1/users/{made['id']}/verify_password",
                    {"password": "Another horse 9"})
            self.refused(box, "POST", "/v1/users", {"email_address": ["b@example.com"],
                                                    "password": "Another horse 9"},
                         code="form_identifier_exists")

    def test_second_factors(self):
        with Sandbox("--limits", "off") as box:
            # Secret of RFC 6238, appendix B, in base32.
            user = self.create(box, email_address=["a@example.com"], backup_codes=["code-1", BCRYPT],
                               totp_secret="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
            path = f"/v1/users/{user['id']}"
            self.assertEqual(self.ok(box, "POST", path + "/verify_totp", {"code": "code-1"}),
                             {"verified": True, "code_type": "backup_code"})
            self.refused(box, "POST", path + "/verify_totp", {"code": "code-1"},
                         code="totp_incorrect_code")
            self.assertEqual(self.ok(box, "POST", path + "/verify_totp", {"code": PASSWORD}),
                             {"verified": True, "code_type": "backup_code"})
            self.assertEqual(self.ok(box, "POST", path + "/verify_totp", {"code": rfc6238()}),
                             {"verified": True, "code_type": "totp"})
            self.ok(box, "DELETE", path + "/totp")
            self.ok(box, "DELETE", path + "/backup_code")
            self.refused(box, "POST", path + "/verify_totp", {"code": "000000"}, status=400,
                         code="totp_disabled")
            self.assertFalse(self.ok(box, "GET", path)["two_factor_enabled"])
            self.assertEqual(self.ok(box, "GET", path + "/organization_memberships"),
                             {"data": [], "total_count": 0})


def rfc6238(secret=b"12345678901234567890"):
    import hashlib
    import hmac
    mac = hmac.new(secret, int(time.time() // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7FFFFFFF) % 1000000:06}"


class Gate(Case):
    """What stands in front of every handler."""

    def test_keys_paths_and_bodies(self):
        with Sandbox("--limits", "off") as box:
            self.refused(box, "GET", "/v1/users", status=401, key=None,
                         code="authorization_header_format_invalid")
            self.refused(box, "GET", "/v1/users", status=401, key=None, headers={"Authorization": "Basic x"},
                         code="authorization_header_format_invalid")
            for wrong in (KEY[:-1], KEY + "x", "sk_test_" + KEY[8:], DEVELOPMENT_KEY):
                self.refused(box, "GET", "/v1/users", status=401, key=wrong, code="clerk_key_invalid")
            for method, path in (("GET", "/"), ("GET", "/v2/users"), ("PUT", "/v1/users"),
                                 ("GET", "/v1/users/a/b/c"), ("GET", "/v1/users/%FF")):
                self.refused(box, method, path, status=404, code="resource_not_found")
            self.refused(box, "POST", "/v1/users", b"{}", status=415, code="unsupported_content_type",
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
            for body in (b"{", b"[]", b"null", b'{"a":1}{', b'"x"', b'{"a":"\xff"}', b"{} {}",
                         b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"):
                self.refused(box, "POST", "/v1/users", body, status=400, code="request_body_invalid")
            self.refused(box, "POST", "/v1/users", b'{"username":"' + b"a" * (1 << 20) + b'"}',
                         status=413, code="request_body_too_large")
            status, answer, _ = exchange(box, "POST", "/v1/users", {"username": "still_well",
                                         "skip_password_requirement": True},
                                         headers={"Content-Type": "application/json; charset=utf-8"})
            self.assertEqual(status, 200, answer)

    def test_hostile_bytes(self):
        with Sandbox("--limits", "off") as box:
            host, port = box.ready["listen"].split(":")
            for garbage in (b"\0" * 5000, b"GET\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                            b"POST /v1/users HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                            b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx",
                            b"GET /v1/users HTTP/1.1\r\n" + b"X: y\r\n" * 20000):
                with socket.create_connection((host, int(port)), timeout=1) as connection:
                    try:
                        connection.sendall(garbage)
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(65536)
                    except OSError:
                        pass
            self.assertEqual(box.count(), 0)

    def test_instance_and_keys(self):
        with Sandbox(key=DEVELOPMENT_KEY) as box:
            self.assertEqual(self.ok(box, "GET", "/v1/instance")["environment_type"], "development")
            key = self.ok(box, "GET", "/v1/jwks")["keys"][0]
            self.assertEqual([key[f] for f in ("kty", "alg", "use", "e")], ["RSA", "RS256", "sig", "AQAB"])
            self.assertEqual(len(key["n"]), 342)  # 2048 bits
            self.assertTrue(box.ready["publishable_key"].startswith("pk_test_"))

    def test_a_development_instance_holds_100_users(self):
        with Sandbox("--limits", "off", key=DEVELOPMENT_KEY) as box:
            for n in range(100):
                self.create(box, external_id=str(n), username=f"user{n}")
            self.refused(box, "POST", "/v1/users", {"username": "one_more",
                         "skip_password_requirement": True}, status=403, key=DEVELOPMENT_KEY,
                         code="user_quota_exceeded")


class Limits(Case):
    def burst(self, box, count, method="GET", path="/v1/users/count", body=None):
        answers = [exchange(box, method, path, body, key=box.key) for _ in range(count)]
        return [a[0] for a in answers], answers[-1]

    def test_by_the_kind_of_key(self):
        with Sandbox(key=DEVELOPMENT_KEY) as box:
            statuses, (_, answer, headers) = self.burst(box, 101)
            self.assertEqual(statuses, [200] * 100 + [429])
            self.assertEqual(answer["errors"][0]["code"], "too_many_requests")
            self.assertIn(int(headers["Retry-After"]), range(1, 11))
            # The keys for tokens are not limited; a wrong key is told so.
            self.assertEqual(self.burst(box, 5, path="/v1/jwks")[0], [200] * 5)
            self.refused(box, "GET", "/v1/users", status=401, code="clerk_key_invalid")
            self.assertEqual(self.ok(box, "GET", "/v1/sandbox/stats")["limited"], 1)

    def test_by_user(self):
        with Sandbox() as box:
            users = [self.create(box, username=f"user{n}") for n in range(2)]
            paths = ["/v1/users/" + u["id"] for u in users]
            statuses, (_, _, headers) = self.burst(box, 11, "PATCH", paths[0], {"first_name": "A"})
            self.assertEqual(statuses, [200] * 10 + [429])
            self.assertIn(int(headers["Retry-After"]), range(1, 11))
            self.assertEqual(self.burst(box, 1, "PATCH", paths[0] + "/metadata", {})[0], [429])
            self.assertEqual(self.burst(box, 10, "PUT", paths[1] + "/metadata", {})[0], [200] * 10)
            self.assertEqual(self.burst(box, 1, "GET", paths[0])[0], [200])

    def test_own_limits_in_each_shape(self):
        for shape in ("sliding", "fixed", "bucket"):
            with self.subTest(shape=shape), Sandbox("--limits", "5/1", "--limit-shape", shape) as box:
                if shape == "fixed":  # begin right behind a tick
                    while self.burst(box, 6)[0] != [200] * 5 + [429]:
                        time.sleep(0.3)
                else:
                    self.assertEqual(self.burst(box, 6)[0], [200] * 5 + [429])
                time.sleep(1.1)
                self.assertEqual(self.burst(box, 5)[0], [200] * 5)

    def test_off(self):
        with Sandbox("--limits", "off", key=DEVELOPMENT_KEY) as box:
            self.assertEqual(self.burst(box, 150)[0], [200] * 150)


class Faults(Case):
    body = {"external_id": "1", "username": "someone", "skip_password_requirement": True}

    def test_500_and_429(self):
        with Sandbox("--limits", "off", "--fault", "500=1", "--fault", "429=1") as box:
            self.refused(box, "POST", "/v1/users", self.body, status=500, code="internal_clerk_error")
            self.refused(box, "POST", "/v1/users", self.body, status=429, code="too_many_requests")
            self.create(box, **self.body)
            self.assertEqual(self.ok(box, "GET", "/v1/sandbox/stats")["faults"],
                             {"500": 1, "429": 1, "drop-before": 0, "drop-after": 0, "slow-body": 0})

    def test_drops(self):
        for kind, users in (("drop-before", 0), ("drop-after", 1)):
            with self.subTest(kind=kind), Sandbox("--limits", "off", "--fault", kind + "=1") as box:
                with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
                    exchange(box, "POST", "/v1/users", self.body)
                self.assertEqual(box.count(), users)

    def test_slow_body(self):
        with Sandbox("--limits", "off", "--fault", "slow-body=1") as box:
            began = time.monotonic()
            slow = self.create(box, **self.body)
            self.assertGreater(time.monotonic() - began, 1)
            began = time.monotonic()
            self.assertEqual(self.ok(box, "GET", "/v1/users/" + slow["id"]), slow)
            self.assertLess(time.monotonic() - began, 1)

    def test_probability_repeats_by_seed(self):
        def run():
            with Sandbox("--limits", "off", "--fault", "500=0.3", "--seed", "7") as box:
                return [exchange(box, "GET", "/v1/users")[0] for _ in range(60)]
        first = run()
        self.assertEqual(first, run())
        self.assertIn(first.count(500), range(5, 35))

    def test_latency_delays_each_and_blocks_none(self):
        with Sandbox("--limits", "off", "--latency", "300") as box:
            began = time.monotonic()
            times = []

            def ask():
                self.assertEqual(exchange(box, "GET", "/v1/users")[0], 200)
                times.append(time.monotonic() - began)
            threads = [threading.Thread(target=ask) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertGreaterEqual(min(times), 0.3)
            self.assertLess(max(times), 3)


class Life(Case):
    def test_what_was_acknowledged_survives_kill(self):
        with folder() as cwd:
            data = os.path.join(cwd, "clerk.db")
            with Sandbox("--limits", "off", data=data) as box:
                self.assertEqual(os.stat(data).st_mode & 0o777, 0o600)
                acknowledged = []

                def ask(worker):
                    for n in range(10000):
                        name = f"w{worker}_{n}"
                        try:
                            if exchange(box, "POST", "/v1/users", {"external_id": name, "username": name,
                                        "skip_password_requirement": True})[0] == 200:
                                acknowledged.append(name)
                        except (OSError, http.client.HTTPException):
                            return
                threads = [threading.Thread(target=ask, args=(w,)) for w in range(4)]
                for thread in threads:
                    thread.start()
                while len(acknowledged) < 200:
                    time.sleep(0.01)
                box.stop(signal.SIGKILL)
                for thread in threads:
                    thread.join()
            with Sandbox("--limits", "off", data=data) as box:
                stored = set(box.users())
                self.assertEqual(set(acknowledged) - stored, set())
                self.assertLessEqual(len(stored), len(acknowledged) + 4)

    def test_an_order_gets_its_index_when_it_is_asked_for(self):
        orders = {"updated_at": "", "first_name": " COLLATE NOCASE", "last_name": " COLLATE NOCASE",
                  "username": " COLLATE NOCASE", "last_active_at": "", "last_sign_in_at": ""}
        with folder() as cwd:
            path = os.path.join(cwd, "clerk.db")
            with Sandbox("--limits", "off", data=path) as box:
                for n in range(20):
                    self.assertEqual(box.call("POST", "/v1/users", {
                        "email_address": [f"u{n}@example.com"], "skip_password_requirement": True,
                        **({"first_name": f"n{n % 7}", "username": f"user_{n}"} if n % 3 else {})})[0], 200)
                for order in orders:
                    up, down = (box.call("GET", f"/v1/users?limit=20&order_by={way}{order}")[1] for way in ("%2B", "-"))
                    self.assertEqual([u["id"] for u in up], [u["id"] for u in reversed(down)], order)
                    values = [u[order] for u in up if u[order] is not None]
                    self.assertEqual(values, sorted(values), order)
                    self.assertEqual(len(up), 20)
            database = sqlite3.connect(path)
            for order, collation in orders.items():
                for way in ("ASC NULLS FIRST", "DESC NULLS LAST"):
                    plan = [row[3] for row in database.execute(
                        f"EXPLAIN QUERY PLAN SELECT * FROM users u ORDER BY u.{order}{collation} {way}, u.seq {way[:4]}")]
                    self.assertEqual(plan, [f"SCAN u USING INDEX users_by_{order}"])
            database.close()

    def test_data_keep_the_keys(self):
        with folder() as cwd:
            command = [USHER, "sandbox", "--data", os.path.join(cwd, "clerk.db"), "--production"]
            lines, keys = [], []
            for _ in range(2):
                process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                lines.append(json.loads(process.stdout.readline()))
                with_key = type("Box", (), {"ready": lines[-1]})
                keys.append(exchange(with_key, "GET", "/v1/jwks", key=lines[-1]["secret_key"])[1])
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(20), 0)
                process.stdout.close()
            self.assertEqual(set(lines[0]), {"backend_api", "frontend_api", "secret_key",
                                             "publishable_key", "listen", "page"})
            self.assertTrue(lines[0]["secret_key"].startswith("sk_live_"))
            self.assertEqual(lines[0]["secret_key"], lines[1]["secret_key"])
            self.assertEqual(keys[0], keys[1])

    def test_stops_while_clients_are_at_it(self):
        with Sandbox("--limits", "off", "--latency", "200") as box:
            connections = [http.client.HTTPConnection(box.ready["listen"], timeout=20) for _ in range(8)]
            for connection in connections:
                connection.request("GET", "/v1/users", headers={"Authorization": "Bearer " + KEY})
            time.sleep(0.1)
            box.stop(signal.SIGTERM)
            self.assertEqual(box.process.returncode, 0)
            for connection in connections:
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()

    def test_usage(self):
        for words, says in ((["--listen", "0.0.0.0:0"], "--listen-anywhere"),
                            (["--listen", "nowhere"], "no address"),
                            (["--listen", "127.0.0.1:99999"], "no address"),
                            (["--secret-key", "pk_live_x"], "sk_test_"),
                            (["--limits", "some"], "no limit"), (["--limit-shape", "x"], "no shape"),
                            (["--fault", "500"], "no probability"), (["--fault", "x=1"], "no fault"),
                            (["--data", "/nonexistent/clerk.db"], "does not exist"),
                            (["--latency", "9999999"], "--latency"), (["operand"], "operand")):
            done = usher("sandbox", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_what_is_in_use_and_a_foreign_file(self):
        with folder() as cwd, Sandbox(data=os.path.join(cwd, "clerk.db")) as box:
            done = usher("sandbox", "--listen", box.ready["listen"])
            self.assertEqual(done.returncode, 2)
            self.assertIn("in use", done.stderr)
            done = usher("sandbox", "--data", os.path.join(cwd, "clerk.db"))
            self.assertEqual(done.returncode, 2)
            self.assertIn("is in use by another process", done.stderr)
            with open(os.path.join(cwd, "x"), "w", encoding="utf-8") as file:
                file.write("no database, but long enough to look like some file" * 100)
            done = usher("sandbox", "--data", os.path.join(cwd, "x"))
            self.assertEqual(done.returncode, 2)
            self.assertIn("no SQLite database", done.stderr)


if __name__ == "__main__":
    unittest.main()
