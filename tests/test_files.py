import errno
import os
import resource
import signal
import subprocess
import sys
import threading

import pytest

from fer_nb import paths
from fer_nb.files import hold, replacing, wait_for


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with replacing(path) as partial:
        partial.write_text("one")
        assert partial.parent == path.parent and not path.exists()
    with replacing(path) as partial:
        partial.write_text("tw")
        assert path.read_text() == "one"
        partial.write_text("two")
    assert path.read_text() == "two" and os.listdir(path.parent) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("one")
    with pytest.raises(error), replacing(path) as partial:
        partial.write_text("tw")
        raise error
    assert path.read_text() == "one" and os.listdir(tmp_path) == ["table.csv"]


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # no file may be longer than 1000 bytes: the write fails half-way, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(OSError) as raised, replacing(path) as partial:
            partial.write_bytes(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert raised.value.errno == errno.EFBIG
    assert path.read_bytes() == b"one" and os.listdir(tmp_path) == ["weights"]


def test_two_may_write_the_same_file(tmp_path):
    path, both = tmp_path / "cache", threading.Barrier(2)

    def write(text):
        with replacing(path) as partial:
            partial.write_text(text)
            both.wait(10)

    threads = [threading.Thread(target=write, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in ("one", "two") and os.listdir(tmp_path) == ["cache"]


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "table.csv"):
        pass


def test_a_lock_is_held_until_the_process_is_killed(tmp_path):
    lock = tmp_path / "runs" / ".lock"
    code = f"import pathlib, time; from fer_nb.files import hold; print(hold(pathlib.Path('{lock}'))); time.sleep(60)"
    others = []
    for alone in ("True", "False"):
        others.append(
            subprocess.Popen([sys.executable, "-uc", code], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True)
        )
        assert others[-1].stdout.readline().strip() == alone
    waiting = threading.Thread(target=wait_for, args=[lock])
    waiting.start()
    others[0].kill()
    others[0].wait()
    waiting.join(0.2)
    assert waiting.is_alive()  # the second still shares it
    others[1].kill()
    others[1].wait()
    waiting.join(10)
    assert not waiting.is_alive()
    assert hold(lock)


def test_a_lock_that_cannot_be_had_is_not_held_alone(tmp_path, monkeypatch):
    def no_locks(*given):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert not hold(tmp_path / "lock")
    (tmp_path / "file").write_text("")
    assert not hold(tmp_path / "file" / "lock")
