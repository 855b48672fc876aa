#!/usr/bin/env python3
"""tools/lint against small trees: a good one passes, and each bad one fails with the right rule."""
import os
import subprocess
import tempfile
import unittest

ROOT = os.environ.get("USHER_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

GOOD = {
    ".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 4\n",
    "src/base/base.h": "/* base: all of it. */\n#ifndef BASE_H\n#define BASE_H\n#endif\n",
    "src/sql/sql.h": '/* sql */\n#include "base/base.h"\n\n/* Opens. */\nint sql_open(void);\n',
    "src/sql/sql.c": '#include "sql/sql.h"\n\n#include <sqlite3.h>\n#include <sys/stat.h>\n',
    "src/source/source.h": '/* source */\n#include "base/base.h"\n',
    "src/source/platforms.h": "/* PLATFORM(name) */\n#define PLATFORMS(PLATFORM) \\\n    PLATFORM(acme)\n",
    "src/source/platform_acme.c": '#include "source/source.h"\n#include "source/platforms.h"\n',
    "src/source/readers.h": "/* READER(name) */\n#define READERS(READER) \\\n    READER(lines)\n",
    "src/source/reader_lines.c": '#include "source/source.h"\n',
    "src/digest/digests.h": "/* DIGEST(name) */\n#define DIGESTS(DIGEST) \\\n    DIGEST(rot13)\n",
    "src/digest/digest.h": '/* digest */\n#include "base/base.h"\n',
    "src/digest/rot13.c": '#include "digest/digest.h"\nconst struct digest_ops digest_rot13 = {0};\n',
    "src/sandbox/routes.h": '/* ROUTE(method, path, handler) */\n#define ROUTES(ROUTE) \\\n'
                            '    ROUTE(GET, "/v1/things/{id}/parts", things_parts)\n',
    "src/sandbox/things.c": "int things_parts(void) { return 0; }\n",
    "docs/platforms/acme.md": "# acme\n",
    "samples/acme.json": "[]\n",
    "tests/clients/parts.test.js": "read('src/sandbox/routes.h')\n",
    "tests/test_all.py": "hashers = ['rot13']; readers = ['lines']\n",
}


def lint(files, *rules):
    """Writes the files into a fresh tree and lints it; returns exit status and output."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([os.path.join(ROOT, "tools", "lint"), "--root", root, *rules],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class Lint(unittest.TestCase):
    def good(self, *rules):
        status, output = lint(GOOD, *rules)
        self.assertEqual(status, 0, output)

    def bad(self, rule, changes, *says):
        """The good tree with these changes (None removes a file) must fail this rule, saying so."""
        files = {name: text for name, text in {**GOOD, **changes}.items() if text is not None}
        status, output = lint(files, rule)
        self.assertEqual(status, 1, output)
        for words in says:
            self.assertIn(words, output)

    def test_good_tree_passes(self):
        self.good("layers", "wraps", "tables", "comments", "words", "shell")

    def test_include_upwards(self):
        self.bad("layers", {"src/sql/up.c": '#include "source/source.h"\n'},
                 "src/sql/up.c:1: source/source.h: source/ lies above sql/")

    def test_include_sideways(self):
        self.bad("layers", {"src/json/json.h": "/* json */\n",
                            "src/sql/side.c": '#include "json/json.h"\n'}, "are siblings")

    def test_include_past_the_face(self):
        self.bad("layers", {"src/base/text.h": "/* text */\n",
                            "src/sql/past.c": '\n#include "base/text.h"\n'},
                 "src/sql/past.c:2:", "only the face base/base.h")

    def test_include_without_folder(self):
        self.bad("layers", {"src/sql/bare.c": '#include "sql.h"\n'}, "folder/file.h")

    def test_unknown_folder(self):
        self.bad("layers", {"src/misc/misc.c": "\n"}, "not in a folder of a known layer")

    def test_library_outside_its_wrap(self):
        self.bad("wraps", {"src/source/db.c": "#include <sqlite3.h>\n"}, "only sql/")

    def test_unknown_library(self):
        self.bad("wraps", {"src/source/x.c": "#include <frob/frob.h>\n"}, "does not know")

    def test_platform_without_guide(self):
        self.bad("tables", {"docs/platforms/acme.md": None}, "docs/platforms/acme.md is missing")

    def test_platform_without_file(self):
        self.bad("tables", {"src/source/platform_acme.c": None}, "platform_acme.c is missing")

    def test_platform_without_fixture(self):
        self.bad("tables", {"samples/acme.json": None}, "no sample and no test")

    def test_platform_without_row(self):
        self.bad("tables", {"src/source/platform_other.c": "\n"},
                 "src/source/platform_other.c:1: no row")

    def test_reader_without_file(self):
        self.bad("tables", {"src/source/reader_lines.c": None}, "reader_lines.c is missing")

    def test_digest_without_ops(self):
        self.bad("tables", {"src/digest/rot13.c": "\n"}, "defines its digest_ops")

    def test_digest_and_reader_without_test(self):
        self.bad("tables", {"tests/test_all.py": None}, "rot13: no vector and no test",
                 "lines: no test mentions it")

    def test_routes_without_test(self):
        self.bad("tables", {"tests/clients/parts.test.js": None}, "does not hold its calls")

    def test_route_without_handler(self):
        self.bad("tables", {"src/sandbox/things.c": "\n"}, "handler is not defined")

    def test_function_without_comment(self):
        self.bad("comments", {"src/sql/more.h": "/* more */\n\nint sql_more(void);\n"},
                 "src/sql/more.h:3: sql_more has no comment")

    def test_words(self):
        for word in ("/* TO" + "DO: later */", 'open("/wo' + 'rk/main/x")', "registry.npm" + "js.org"):
            self.bad("words", {"src/base/words.c": word + "\n"}, "src/base/words.c:1:")

    def test_format(self):
        self.bad("format", {"src/base/ugly.c": "int  x ;\n"}, "src/base/ugly.c:1:")

    def test_shell(self):
        self.bad("shell", {"tools/run.sh": "#!/bin/sh\nrm $1\n"}, "tools/run.sh:2:")

    def test_clang(self):
        with tempfile.TemporaryDirectory() as build:
            with open(os.path.join(build, "bad.c"), "w", encoding="utf-8") as file:
                file.write("int f(int unused) { return 1; }\n")
            with open(os.path.join(build, "compile_commands.json"), "w", encoding="utf-8") as file:
                file.write('[{"directory": "%s", "command": "cc -o bad.o -c bad.c", "file": "bad.c"}]'
                           % build)
            status, output = lint(GOOD, "clang", "--build", build)
            self.assertEqual(status, 1, output)
            self.assertIn("bad.c:1: unused parameter", output)

    def test_unknown_rule(self):
        self.assertEqual(lint({}, "nonsense")[0], 2)


if __name__ == "__main__":
    unittest.main()
