#!/usr/bin/env python3
"""Real old systems with people in them: a PostgreSQL with a table of members, and an OpenLDAP.

    with people() as systems:     # {"postgres": URL, "ledger": URL, "ldap": URL, "base": DN, …}

    old_systems.py                prints them as one line of JSON and keeps them until its input ends
"""
import contextlib
import json
import os
import subprocess
import sys

os.environ.setdefault("USHER_LEGACY_PROBE", "")  # for what is not used here of the tests of connectors

from lab import BCRYPT, PASSWORD  # noqa: E402
from postgres import Postgres  # noqa: E402
from test_legacy_ldap import BASE, Slapd  # noqa: E402
from test_legacy_ldap import PASSWORD as LDAP_PASSWORD  # noqa: E402

COUNT = 40
MEMBERS = f"""create table members (id text primary key, email text, digest text, moved text);
    insert into members select 'pg|' || n, 'member' || n || '@example.com', '{BCRYPT}', null
    from generate_series(0, {COUNT - 1}) n;"""
QUERY = ("select id as external_id, email as email_address, 'Ada' as first_name, 'bcrypt' as password_hasher, "
         "digest as password_digest from members where lower(email) = lower(:identifier)")


@contextlib.contextmanager
def people():
    with Postgres() as server, Slapd() as directory:
        url = server.database("shop")
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", MEMBERS], check=True, timeout=60)
        yield {"postgres": url, "query": QUERY, "count": COUNT, "password": PASSWORD,
               "ledger": server.database("moved"), "ldap": f"ldap://127.0.0.1:{directory.port}",
               "base": BASE, "person": "ada@lovelace.dev", "person_password": LDAP_PASSWORD}


if __name__ == "__main__":
    with people() as systems:
        print(json.dumps(systems), flush=True)
        sys.stdin.read()
