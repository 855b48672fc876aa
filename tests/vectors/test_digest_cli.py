"""usher digest convert and find, as a user runs them: lines in and out, exit statuses, no echo."""
import hashlib
import json
import os
import pty
import subprocess
import sys
import tempfile

USHER = os.environ["USHER"]
BCRYPT = "$2b$04$76JIRYNcKPYenF5tZszdWuKii0HYQnWedyOClUMa8h5y7G/To6jim"


def usher(arguments, given=""):
    done = subprocess.run([USHER, "digest", *arguments], input=given.encode(), capture_output=True,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(arguments, given):
    status, out, _ = usher(arguments, given)
    return status, [json.loads(line) for line in out.splitlines()]


def same(actual, wanted, what):
    if actual != wanted:
        sys.exit(f"{what}: {actual!r} instead of {wanted!r}")


def test_convert_takes_every_kind_of_line():
    given = "\n".join([BCRYPT, json.dumps(BCRYPT), json.dumps({"native": BCRYPT, "x": 1}),
                       json.dumps({"native": {"encrypted_password": BCRYPT}}),
                       json.dumps({"encrypted_password": BCRYPT}), BCRYPT + "\r"])
    status, out = lines(["convert", "--from", "supabase"], given)
    same(status, 0, "status")
    same([(line["hasher"], line["digest"]) for line in out], [("bcrypt", BCRYPT)] * 6, "lines")


def test_convert_keeps_the_order_and_says_what_failed():
    status, out = lines(["convert", "--from", "Auto"], f"zzz\n{BCRYPT}\n\n$1$a$b\n{'x' * 70000}\n")
    same(status, 1, "status")
    same(["error" in line for line in out], [True, False, False, False, True], "errors")
    same([line.get("hasher") for line in out], [None, "bcrypt", None, None, None], "hashers")
    same(usher(["convert", "--from", "auto"], "\n")[0], 0, "no password is no loss")


def test_convert_refuses_wrong_use():
    for arguments in (["convert"], ["convert", "--from", "nowhere"], ["convert", "--from"],
                      ["convert", "--from", "django", "surplus"]):
        status, out, err = usher(arguments)
        same((status, out, bool(err)), (2, "", True), " ".join(arguments))
    status, out, _ = usher(["convert", "--list"])
    same((status, "django" in out.split(), "auto" in out.split()), (0, True, False), "list")


def test_find_holds_or_explains():
    password = "correct horse"
    status, out = lines(["find", "--salt", "s41t", "--digest",
                         hashlib.sha256(b"s41t" + password.encode()).hexdigest()], password + "\n")
    same((status, out[0]["hasher"]), (0, "sha256_salted"), "salt first")
    status, out = lines(["find", "--salt", "s41t", "--digest",
                         hashlib.sha256(password.encode() + b"s41t").hexdigest()], password)
    same((status, out[0]["hasher"], out[0]["verified"]), (1, None, True), "salt last")
    status, out = lines(["find", "--digest", BCRYPT], password)
    same((status, out[0]["verified"]), (1, False), "wrong password")


def test_find_reads_the_digest_from_a_file():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(hashlib.md5(b"p").hexdigest() + "\n")
        file.flush()
        status, out = lines(["find", "--digest-file", file.name], "p")
        same((status, out[0]["hasher"]), (0, "md5"), "file")
    same(usher(["find", "--digest-file", "/nonexistent"], "p")[0], 2, "missing file")
    same(usher(["find", "--digest-file", "/"], "p")[0], 2, "a directory")


def test_find_refuses_wrong_use():
    many = [word for i in range(17) for word in ("--salt", str(i))]
    for arguments in (["find"], ["find", "--digest", "x", "--digest-file", "y"],
                      ["find", "--digest", "x", "password"], ["find", "--digest", "x", *many]):
        same(usher(arguments, "p")[0], 2, " ".join(arguments))
    same(usher(["find", "--digest", "x"], "")[0], 2, "no password")
    same(usher(["find", "--digest", "x"], "p" * 5000)[0], 2, "a password too long")


def test_find_asks_without_echo():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(USHER, [USHER, "digest", "find", "--digest", hashlib.md5(b"s3cret").hexdigest()])
    seen = b""
    while not seen.endswith(b"password: "):
        seen += os.read(terminal, 1)
    os.write(terminal, b"s3cret\n")
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk
    except OSError:
        pass
    same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "status")
    same((b"s3cret" in seen, b'"hasher":"md5"' in seen), (False, True), "terminal")


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name)
