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
# Sessions of member N: live-N, and expired, revoked and stale ones (the password was changed since).
SESSIONS = f"""create table sessions (sid text primary key, member text, email text, created_at timestamptz,
        expires_at timestamptz, revoked boolean, password_changed_at timestamptz);
    insert into sessions select kind || '-' || n, 'pg|' || n, 'member' || n || '@example.com', now() - interval '1 day',
        case kind when 'expired' then now() - interval '1 hour' else now() + interval '1 day' end, kind = 'revoked',
        case kind when 'stale' then now() - interval '1 hour' end
    from generate_series(0, {COUNT - 1}) n, unnest(array['live', 'expired', 'revoked', 'stale']) kind;"""
SESSION_QUERY = ("select member as id, email as identifier, created_at, expires_at, revoked, password_changed_at "
                 "from sessions where sid = :session")
QUERY = ("select id as external_id, email as email_address, 'Ada' as first_name, 'bcrypt' as password_hasher, "
         "digest as password_digest from members where lower(email) = lower(:identifier)")


@contextlib.contextmanager
def people():
    with Postgres() as server, Slapd() as directory:
        url = server.database("shop")
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", MEMBERS + SESSIONS], check=True, timeout=60)
        yield {"postgres": url, "query": QUERY, "session_query": SESSION_QUERY, "count": COUNT, "password": PASSWORD,
               "ledger": server.database("moved"), "ldap": f"ldap://127.0.0.1:{directory.port}",
               "base": BASE, "person": "ada@lovelace.dev", "person_password": LDAP_PASSWORD}


if __name__ == "__main__":
    with people() as systems:
        print(json.dumps(systems), flush=True)
        sys.stdin.read()
