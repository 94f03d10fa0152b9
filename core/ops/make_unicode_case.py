"""make_unicode_case.py > unicode_case.inc: characters whose lower or upper case is another single character.

Runs of characters {first, last, step, difference} of the Unicode version of this Python.
"""
import sys
import unicodedata


def runs(convert):
    pairs = []
    for c in range(0x80, 0x110000):
        other = convert(chr(c))
        if len(other) == 1 and ord(other) != c and not 0xD800 <= c < 0xE000:
            pairs.append((c, ord(other) - c))
    result = []
    for c, difference in pairs:
        if result and result[-1][3] == difference:
            first, last, step, _ = result[-1]
            if (first == last and c - last <= 2) or c - last == step:
                result[-1] = (first, c, c - last, difference)
                continue
        result.append((c, c, 1, difference))
    return result


def main():
    print(f"// Made by make_unicode_case.py from Unicode {unicodedata.unidata_version}.")
    for name, convert in (("kLower", str.lower), ("kUpper", str.upper)):
        print(f"constexpr CaseRun {name}[] = {{")
        line = "   "
        for run in runs(convert):
            item = " {0x%x, 0x%x, %d, %d}," % run
            if len(line) + len(item) > 150:
                print(line)
                line = "   "
            line += item
        print(line)
        print("};")


if __name__ == "__main__":
    sys.exit(main())
