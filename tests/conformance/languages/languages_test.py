"""languages_test.py LIBRARY_FOLDER LANGUAGE=RUNNER..: the same models and inputs, the same bytes.

Each RUNNER is a program `runner LIST OUT`. It writes a line an output,
`name<TAB>index<TAB>dtype<TAB>dims<TAB>sha256`, or `name<TAB>error<TAB>CODE`; make_list.py has the
form of LIST.
"""

import difflib
import pathlib
import subprocess
import sys
import tempfile

import make_list
import mirin_c

MIN_PAIRS = 60


def run(runner, folder, language):
    """The lines a runner writes."""
    out = folder / f"{language}.txt"
    subprocess.run([runner, folder / "list.txt", out], check=True, timeout=120)
    return out.read_text(encoding="utf-8").splitlines()


def check_codes(lines, expected):
    """What is wrong with one runner's lines: names missing, or ending otherwise than they must."""
    errors = {f[0]: f[2] for f in (line.split("\t") for line in lines) if f[1] == "error"}
    for name in expected.keys() - {line.split("\t")[0] for line in lines}:
        yield f"{name}: no line"
    for name, code in expected.items():
        if errors.get(name) != code:
            yield f"{name}: ends with {errors.get(name)}, expected {code}"


def main(libraries, *runners):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        expected = make_list.make(folder, mirin_c.Mirin(libraries))
        if len(expected) < MIN_PAIRS:
            sys.exit(f"{len(expected)} pairs, at least {MIN_PAIRS} are wanted")
        results = {}
        for language, runner in (r.split("=", 1) for r in runners):
            results[language] = run(pathlib.Path(runner).resolve(), folder, language)
    failed = False
    first, reference = next(iter(results.items()))
    for language, lines in results.items():
        problems = list(check_codes(lines, expected)) + list(
            difflib.unified_diff(reference, lines, first, language, lineterm="", n=0)
        )
        print(f"{language}: {len(expected)} pairs, {len(lines)} lines, {len(problems)} problems")
        print("".join(f"  {p}\n" for p in problems), end="")
        failed |= bool(problems)
    sys.exit(1 if failed or len(results) < 2 else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
