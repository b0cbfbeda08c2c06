"""Types at a command on a terminal of its own: each step waits for a text, then types. The exit code on the first line, then
all that the terminal showed. Arguments: folder, columns, steps as JSON [[text, keys], …], command."""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

directory, columns, steps, *command = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.chdir(directory)
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(columns), 0, 0))

shown = b""
patience = 60


def read(until: float) -> bool:
    """False at the end of the command."""
    global shown
    ready, _, _ = select.select([fd], [], [], max(0.0, until - time.monotonic()))
    if not ready:
        return True
    try:
        data = os.read(fd, 65536)
    except OSError:
        return False
    shown += data
    return data != b""


at = 0
for text, keys in json.loads(steps):
    end = time.monotonic() + patience
    while (found := shown.find(text.encode(), at)) < 0:
        if time.monotonic() > end or not read(end):
            print(f"-1\nwaited for {text!r}; shown: {shown.decode('utf-8', 'replace')}")
            sys.exit()
    at = found + len(text.encode())
    os.write(fd, keys.encode())
end = time.monotonic() + patience
while time.monotonic() < end and read(end):
    pass
_, status = os.waitpid(pid, 0)
sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n{shown.decode('utf-8', 'replace')}")
