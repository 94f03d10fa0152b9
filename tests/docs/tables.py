"""tables.py [--update] PROGRAM PAGE..: the tables of pages are what a program prints.

A table's rows lie between the lines `<!-- table NAME -->` and `<!-- end -->`, below its two
heading lines; PROGRAM NAME prints them.
"""

import pathlib
import re
import subprocess
import sys

TABLE = re.compile(r"(<!-- table (\w+) -->\n\|.*\n\|.*\n)((?:\|.*\n)*)(<!-- end -->\n)")


def main(*arguments):
    update = "--update" in arguments
    program, *pages = (a for a in arguments if a != "--update")

    def renew(match):
        run = subprocess.run([program, match[2]], capture_output=True, text=True, check=True)
        return match[1] + run.stdout + match[4]

    for path in map(pathlib.Path, pages):
        page = path.read_text(encoding="utf-8")
        new, count = TABLE.subn(renew, page)
        if count == 0 or count != page.count("<!-- table "):
            sys.exit(f"{path}: {count} tables, {page.count('<!-- table ')} marks")
        if update:
            path.write_text(new, encoding="utf-8")
        elif new != page:
            sys.exit(f"{path} does not have its tables as the program prints them:\n{new}")


if __name__ == "__main__":
    main(*sys.argv[1:])
