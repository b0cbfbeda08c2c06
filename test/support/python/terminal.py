"""Runs a command on a terminal of its own: the exit code on the first line, then all that the terminal showed."""

import os
import pty
import sys

directory, *command = sys.argv[1:]
os.chdir(directory)
shown = bytearray()


def read(fd: int) -> bytes:
    data = os.read(fd, 65536)
    shown.extend(data)
    return data


stdout = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
status = pty.spawn(command, read)
os.dup2(stdout, 1)
sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n{shown.decode('utf-8', 'replace')}")
