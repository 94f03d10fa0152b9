"""quotes.py [--update] PAGE..: the code that pages of docs/ quote is the code of the samples.

A quote is a fenced block below a line `<!-- quote PATH -->` (the whole file) or
`<!-- quote PATH REGION -->`: what lies between the lines with [START REGION] and [END REGION].
Paths are relative to the root. A page of a language has at least one.
"""

import pathlib
import re
import sys

QUOTE = re.compile(r"<!-- quote (\S+)(?: (\S+))? -->\n```(\w+)\n(.*?)```\n", re.DOTALL)


def source_of(path, region):
    """The text of a region, less the indentation that all its lines have."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    if region is not None:
        starts = [i for i, line in enumerate(lines) if f"[START {region}]" in line]
        ends = [i for i, line in enumerate(lines) if f"[END {region}]" in line]
        if len(starts) != 1 or len(ends) != 1 or starts[0] > ends[0]:
            raise ValueError(f"{path} has no region {region}")
        lines = lines[starts[0] + 1 : ends[0]]
    indent = min((len(s) - len(s.lstrip()) for s in lines if s.strip()), default=0)
    return "".join(line[indent:] if line.strip() else "\n" for line in lines)


def renewed(page):
    """The page with each quote as its source is, and the number of quotes."""

    def renew(match):
        path, region, language, _ = match.groups()
        head = match.group(0).splitlines()[0]
        return f"{head}\n```{language}\n{source_of(path, region)}```\n"

    return QUOTE.subn(renew, page)


def main(*arguments):
    update = "--update" in arguments
    wrong = []
    for path in (pathlib.Path(a) for a in arguments if a != "--update"):
        page = path.read_text(encoding="utf-8")
        new, count = renewed(page)
        if count == 0 or count != page.count("<!-- quote "):
            wrong.append(f"{path}: {count} quotes, {page.count('<!-- quote ')} marks")
        if new != page:
            wrong.append(f"{path} does not quote its sources as they are")
            if update:
                path.write_text(new, encoding="utf-8")
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
