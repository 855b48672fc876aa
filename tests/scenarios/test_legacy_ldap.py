"""A directory as legacy system: a real OpenLDAP (slapd) on a temporary folder, plain and with StartTLS and ldaps."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from legacy import Probe, refusal
from postgres import as_nobody, free_port

BASE = "dc=lovelace,dc=dev"
ADMIN, SECRET = "cn=admin," + BASE, "adm1n-pw"
PASSWORD = "Correct-Horse-9 ü"
ENTRIES = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: lovelace
o: Lovelace

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: uid=ada,ou=people,{BASE}
objectClass: inetOrgPerson
uid: ada
cn: Ada
sn: Lovelace
givenName: Ada
mail: ada@lovelace.dev
mail: countess@lovelace.dev
userPassword: {PASSWORD}

dn: uid=bob1,ou=people,{BASE}
objectClass: inetOrgPerson
uid: bob1
cn: Bob
sn: One
mail: bob@lovelace.dev
userPassword: {PASSWORD}

dn: uid=bob2,ou=people,{BASE}
objectClass: inetOrgPerson
uid: bob2
cn: Bob
sn: Two
mail: bob@lovelace.dev
userPassword: {PASSWORD}

dn: uid=nopw,ou=people,{BASE}
objectClass: inetOrgPerson
uid: nopw
cn: No
sn: Password
mail: nopw@lovelace.dev

dn: uid=star*(\\\\),ou=people,{BASE}
objectClass: inetOrgPerson
uid: star*(\\)
cn: Star
sn: Star
mail: star@lovelace.dev
userPassword: {PASSWORD}

dn: ou=elsewhere,{BASE}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=people,{BASE}
"""


class Slapd:
    """slapd with the entries above; `with Slapd() as server`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="usher-ldap-", dir="/tmp")
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.port, self.tls_port = free_port(), free_port()
        self.process = None
        self.make()
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *command, **more):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
                              **as_nobody(), **more)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self):
        self.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem")
        os.mkdir(self.path("data"))
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.path("data"), user.pw_uid, user.pw_gid)
        schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n"
                          for name in ("core", "cosine", "inetorgperson"))
        modules = os.path.dirname(glob.glob("/usr/lib/ldap/back_mdb*.so*")[0])
        with open(self.path("slapd.conf"), "w", encoding="utf-8") as file:
            file.write(schemas + f"""pidfile {self.path("pid")}
modulepath {modules}
moduleload back_mdb
TLSCertificateFile {self.path("cert.pem")}
TLSCertificateKeyFile {self.path("key.pem")}
allow bind_anon_cred bind_anon_dn
database mdb
suffix "{BASE}"
rootdn "{ADMIN}"
rootpw {SECRET}
directory {self.path("data")}
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{ADMIN}" write by users read by anonymous read
""")
        with open(self.path("entries.ldif"), "w", encoding="utf-8") as file:
            file.write(ENTRIES)
        self.run("/usr/sbin/slapadd", "-f", "slapd.conf", "-l", "entries.ldif")

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", "-d", "0", "-f", self.path("slapd.conf"), "-h",
             f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_nobody())
        deadline = time.monotonic() + 60
        while subprocess.run(["ldapsearch", "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-s", "base", "-b", ""],
                             capture_output=True, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("slapd did not start")
            time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Directory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Slapd()
        cls.addClassCleanup(cls.server.__exit__)

    def probe(self, **more):
        settings = {"connector": "ldap", "url": f"ldap://127.0.0.1:{self.server.port}", "base": "ou=people," + BASE,
                    "username": ADMIN, "secret": SECRET, "starttls": "no", **more}
        return Probe(**{name: value for name, value in settings.items() if value is not None})

    def trial(self, probe):
        yes = probe.ask("ada", PASSWORD)
        self.assertEqual(yes["says"], "yes", yes)
        self.assertEqual(len(yes["user"]["external_id"]), 36)
        self.assertEqual(yes["user"]["email_address"], ["ada@lovelace.dev", "countess@lovelace.dev"])
        self.assertEqual((yes["user"]["first_name"], yes["user"]["last_name"]), ("Ada", "Lovelace"))
        self.assertEqual(probe.says("ada", "wrong"), "no")
        self.assertEqual(probe.says("nobody", PASSWORD), "unknown")

    MAPPING = ('{"fields":{"external_id":"{{entryUUID}}","email_address":"{{mail | verified}}",'
               '"first_name":"{{givenName}}","last_name":"{{sn}}","private_metadata.dn":"{{dn}}"}}')

    def test_answers(self):
        with self.probe(**{"from": self.MAPPING}) as probe:
            self.trial(probe)
            self.assertEqual(probe.says("countess@lovelace.dev", PASSWORD), "yes")
            self.assertEqual(probe.says("ada"), "yes")
            self.assertEqual(probe.says("nobody"), "unknown")
            self.assertEqual(probe.says("nopw", PASSWORD), "no")
            said = probe.ask("bob@lovelace.dev", PASSWORD)
            self.assertEqual((said["says"], said["why"]), ("cannot_tell", "more than one entry matches the filter"))
            self.assertEqual(probe.ask("ada", "")["says"], "refused")
            self.assertEqual(probe.ask("ada", PASSWORD)["user"]["private_metadata"],
                             {"dn": "uid=ada,ou=people," + BASE})

    def test_the_mapping_of_its_own(self):
        with self.probe() as probe:
            self.assertEqual(probe.ask("ada@lovelace.dev", PASSWORD)["user"]["email_address"][0], "ada@lovelace.dev")

    def test_filters_are_escaped(self):
        with self.probe(**{"from": self.MAPPING}) as probe:
            for text in ("*", "ad*", "ada)(uid=*", "*)(uid=*))(|(uid=*", "ada\\2a", "(", ")", "\\", "ada\x01", "ädä",
                         "ada)(userPassword=*"):
                self.assertEqual(probe.says(text, PASSWORD), "unknown", text)
            self.assertEqual(probe.says("star*(\\)", PASSWORD), "yes")
            self.assertEqual(probe.says("star\\2a(\\)", PASSWORD), "unknown")

    def test_starttls_and_ldaps(self):
        cert = self.server.path("cert.pem")
        with self.probe(starttls=None, ca_file=cert, **{"from": self.MAPPING}) as probe:
            self.trial(probe)
        with self.probe(starttls=None, ca_file=cert, url=f"ldaps://127.0.0.1:{self.server.tls_port}",
                        **{"from": self.MAPPING}) as probe:
            self.trial(probe)

    def test_a_certificate_that_is_not_trusted(self):
        for url in (f"ldap://127.0.0.1:{self.server.port}", f"ldaps://127.0.0.1:{self.server.tls_port}"):
            with self.probe(starttls=None, url=url) as probe:
                self.assertEqual(probe.says("ada", PASSWORD), "cannot_tell")

    def test_searching_without_a_name(self):
        with self.probe(username=None, secret=None, **{"from": self.MAPPING}) as probe:
            self.trial(probe)

    def test_what_cannot_be_told(self):
        for more in ({"secret": "wrong"}, {"base": "ou=nowhere," + BASE}, {"filter": "(no such filter={identifier})"},
                     {"url": "ldap://127.0.0.1:1"}, {"base": "ou=elsewhere," + BASE}):
            with self.probe(**more) as probe:
                said = probe.ask("ada", PASSWORD)
                self.assertEqual(said["says"], "cannot_tell", (more, said))
                self.assertNotIn("wrong", said["why"])

    def test_it_goes_and_comes_back(self):
        with self.probe(**{"from": self.MAPPING}) as probe:
            self.assertEqual(probe.says("ada", PASSWORD), "yes")
            self.server.stop()
            self.assertEqual(probe.says("ada", PASSWORD), "cannot_tell")
            self.server.start()
            self.assertEqual(probe.says("ada", PASSWORD), "yes")

    def test_settings(self):
        good = {"connector": "ldap", "url": "ldap://127.0.0.1", "base": BASE}
        for more, says in (({"url": "https://a.example"}, "neither ldap://"), ({"filter": "(uid=x)"}, "{identifier}"),
                           ({"username": ADMIN}, "belong together"), ({"username": ADMIN, "secret": ""}, "empty"),
                           ({"starttls": "maybe"}, "yes or no"), ({"url": "ldap://ldap.example", "starttls": "no"}, "this machine"),
                           ({"url": "ldap://127.0.0.1/dc=x"}, "more than a host")):
            self.assertIn(says, refusal(**{**good, **more}))


if __name__ == "__main__":
    unittest.main()
