"""The console scripts: they become the program that the package carries."""

import os
import sys
from typing import List, NoReturn

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "mirin")


def _become(command: List[str]) -> NoReturn:
    os.execv(_PROGRAM, ["mirin", *command, *sys.argv[1:]])


def mirin() -> NoReturn:
    """mirin COMMAND ..: convert, check, diff, benchmark."""
    _become([])


def converter_lite() -> NoReturn:
    """converter_lite --fmk=.. --modelFile=.. --outputFile=.."""
    _become(["convert"])


def benchmark() -> NoReturn:
    """benchmark --modelFile=.."""
    _become(["benchmark"])
