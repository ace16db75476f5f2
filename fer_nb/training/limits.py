"""When training must not go on: another process trains the same run, or the time that it was given is used up."""

import fcntl
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

STEPS = 10  # steps from which the time of an epoch is foretold


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, which the system frees when the process ends, however it ends.

    Raises BlockingIOError, naming the holder, where another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BlockingIOError(
                f"{file.name}: {file.read().strip() or 'another process'} trains this run: wait for it, or stop it"
            ) from None
        except OSError as error:  # a mount without locks
            print(f"{file.name}: no lock ({error.strerror}): start this run only once", file=sys.stderr)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}, since {datetime.now():%Y-%m-%d %H:%M}\n")
        file.flush()
        yield


class Clock:
    """The time that training may take from now on: ``minutes``, 0 for no limit."""

    def __init__(self, minutes: float):
        self.minutes, self.start, self.checked = minutes, time.monotonic(), not minutes

    def check_first_steps(self, done: int, steps: int) -> None:
        """Raise TimeoutError where the time is shorter than the first epoch: ``done`` of its ``steps`` are done."""
        if self.checked or done < min(STEPS, steps):
            return
        self.checked = True
        whole = (time.monotonic() - self.start) / 60 * steps / done
        if whole > self.minutes:
            raise TimeoutError(f"minutes is {self.minutes:g}, and one epoch takes about {whole:.2g}: give it more")

    def check_next(self, seconds: float, epoch: int, epochs: int) -> None:
        """Raise TimeoutError where an epoch of ``seconds`` no longer fits, after ``epoch`` of ``epochs``."""
        used = time.monotonic() - self.start
        if self.minutes and used + seconds > 60 * self.minutes:
            raise TimeoutError(
                f"stopped after epoch {epoch} of {epochs}: the next one would pass the limit of {self.minutes:g} "
                "minutes. Run the same again to go on"
            )
