#!/usr/bin/env python3
"""Database servers for tests: each on a temporary folder, 127.0.0.1 and a free port, gone afterwards.

    with Postgres() as server:        # or MariaDB()
        server.url                    # postgres://usher:…@127.0.0.1:PORT/usher
        server.database("two")        # the URL of one more, empty database (PostgreSQL)
        server.stop(); server.start() # the same data, the same port

    postgres.py [postgres | postgres-durable] [mariadb] -- PROGRAM [ARGUMENT …]
        runs a program with USHER_POSTGRES and USHER_MYSQL set to such URLs; its exit status is ours.
        In a scenario that is run so, a sandbox without data of its own has a database of that server
        instead of memory.

Neither server runs as root: started by root they become `nobody`.
"""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PASSWORD = "s3cret-%-pw"  # with a character that a URL must encode
IN_URL = PASSWORD.replace("%", "%25")


def as_nobody():
    """What subprocess needs to leave root, and the ids."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """What both have in common. A subclass makes its data, and tells its command and its greeting."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="usher-db-", dir="/tmp")
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.process = None
        self.port = free_port()
        try:
            self.make()
            self.start()
        except BaseException:
            self.__exit__()
            raise

    def run(self, *command, **more):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=120, **as_nobody(), **more)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def start(self):
        """Starts it and waits until it answers; on another port if that one has been taken meanwhile."""
        for _ in range(5):
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log,
                                                stderr=log, stdin=subprocess.DEVNULL, **as_nobody())
            deadline = time.monotonic() + 60
            while self.process.poll() is None and time.monotonic() < deadline:
                if self.answers():
                    return
                time.sleep(0.05)
            self.stop()
            self.port = free_port()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise RuntimeError("the server did not start:\n" + log.read()[-3000:])

    def stop(self, number=signal.SIGINT):
        """Stops it, cutting its connections off."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """PostgreSQL. sync=True makes its commits durable, for benches; tests kill Usher, not the machine."""

    def __init__(self, sync=False):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        self.bin = os.path.dirname(found[-1] if found else shutil.which("initdb"))
        self.sync = "on" if sync else "off"
        super().__init__()

    @property
    def url(self):
        return f"postgres://usher:{IN_URL}@127.0.0.1:{self.port}/usher"

    def make(self):
        password = self.write("password", PASSWORD + "\n")
        self.run(f"{self.bin}/initdb", "-D", self.data, "-U", "usher", "-A", "scram-sha-256",
                 "--pwfile", password, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": self.sync,
                    "unix_socket_directories": self.folder, "deadlock_timeout": "200ms"}
        return [f"{self.bin}/postgres", "-D", self.data,
                *(f"--{name}={value}" for name, value in settings.items())]

    def psql(self, statement, database="postgres"):
        """Runs a statement as psql does; returns its rows as lines."""
        return self.run(f"{self.bin}/psql", "-h", self.folder, "-p", str(self.port), "-U", "usher",
                        "-d", database, "-qAtc", statement,
                        env={**os.environ, "PGPASSWORD": PASSWORD})

    def database(self, name):
        self.psql(f"CREATE DATABASE {name}")
        return self.url.rsplit("/", 1)[0] + "/" + name

    def answers(self):
        try:
            if "usher" not in self.psql("SELECT datname FROM pg_database").split("\n"):
                self.psql("CREATE DATABASE usher")
        except RuntimeError:
            return False
        return True


class MariaDB(Server):
    """MariaDB, with a database and a user both named usher."""

    @property
    def url(self):
        return f"mysql://usher:{IN_URL}@127.0.0.1:{self.port}/usher"

    def make(self):
        self.run("mariadb-install-db", "--no-defaults", f"--datadir={self.data}",
                 "--auth-root-authentication-method=normal", "--skip-test-db")
        self.write("init.sql", "CREATE DATABASE IF NOT EXISTS usher;\n"
                   f"CREATE USER IF NOT EXISTS usher@'%' IDENTIFIED BY '{PASSWORD}';\n"
                   "GRANT ALL ON *.* TO usher@'%';\n")

    def command(self):
        return [shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults",
                f"--datadir={self.data}", f"--socket={self.folder}/socket", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--init-file={self.folder}/init.sql",
                "--innodb-flush-log-at-trx-commit=0", "--pid-file=" + self.folder + "/pid"]

    def answers(self):
        done = subprocess.run(["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port),
                               "-u", "usher", f"-p{PASSWORD}", "-e", "SELECT 1", "usher"],
                              capture_output=True, check=False)
        return done.returncode == 0

    def stop(self, number=signal.SIGTERM):
        super().stop(signal.SIGKILL if number == signal.SIGQUIT else signal.SIGTERM)


def fresh_database():
    """The URL of a new, empty database on the server of USHER_POSTGRES; None if that is not set."""
    url = os.environ.get("USHER_POSTGRES")
    if not url:
        return None
    name = "fresh_" + os.urandom(6).hex()
    subprocess.run(["psql", url, "-qc", f"CREATE DATABASE {name}"], check=True)
    return url.rsplit("/", 1)[0] + "/" + name


KINDS = {"postgres": (Postgres, "USHER_POSTGRES"),
         "postgres-durable": (lambda: Postgres(sync=True), "USHER_POSTGRES"),
         "mariadb": (MariaDB, "USHER_MYSQL")}


def main(words):
    split = words.index("--") if "--" in words else 0
    kinds, command = words[:split], words[split + 1:]
    if not command or any(kind not in KINDS for kind in kinds):
        print(__doc__, file=sys.stderr)
        return 2
    if command[0].endswith(".py"):
        command = [sys.executable, *command]
    servers = []
    environment = dict(os.environ)
    try:
        for kind in kinds:
            make, variable = KINDS[kind]
            servers.append(make())
            environment[variable] = servers[-1].url
        return subprocess.run(command, env=environment, check=False).returncode & 0xff
    finally:
        for server in servers:
            server.__exit__()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
