"""Run a study through a real Slurm of one node, with one job cancelled and the node drained once on the way.

    python tests/cluster/slurm.py [STUDY]       (root, Debian; quick by default; `make test-cluster`)

It works on a clone of the last commit. Exit status 0: the workflow ended well by itself, and no page says otherwise.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = socket.gethostname().partition(".")[0]
DRAINED = 30  # seconds


def jobs(state: str) -> list[str]:
    """The numbers of the jobs in a state of Slurm's ("RUNNING", "PENDING")."""
    words = ["squeue", "--noheader", "--states", state, "--format", "%i"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()


def wait_for_running(workflow: subprocess.Popen, other_than: str = "") -> str:
    """The number of a running job. Raises SystemExit where the workflow ends before there is one."""
    while workflow.poll() is None:
        if found := [job for job in jobs("RUNNING") if job != other_than]:
            return found[0]
        time.sleep(0.5)
    sys.exit("the workflow ended before a job was cancelled and the node drained: choose a longer study")


def set_node(state: str) -> None:
    subprocess.run(["scontrol", "update", f"nodename={NODE}", f"state={state}", "reason=test"], check=True)
    print(f"node {NODE}: {state}", flush=True)


def disturb(workflow: subprocess.Popen) -> None:
    """Cancel a running job, then drain the node while another runs, and take it back."""
    cancelled = wait_for_running(workflow)
    time.sleep(3)  # it is in the middle of its work
    subprocess.run(["scancel", cancelled], check=True)
    print(f"job {cancelled}: cancelled", flush=True)
    last = wait_for_running(workflow, cancelled)
    set_node("drain")
    time.sleep(DRAINED)
    assert set(jobs("RUNNING")) <= {last}, "a job was started on a drained node"
    set_node("resume")


def failures(study: Path) -> list[str]:
    """The pages of a report that say that their notebook failed."""
    return [page.stem for page in study.glob("*.json") if json.loads(page.read_text())["failure"]]


def main(study: str = "quick") -> None:
    subprocess.run([ROOT / "tests/cluster/one-node", "start"], check=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fer_nb-slurm-") as folder:
            subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
            cores = str(len(os.sched_getaffinity(0)))  # as `nproc` says
            words = ["snakemake", "--profile", "profiles/slurm", "--cores", cores, "--config", f"study={study}"]
            started = time.monotonic()
            workflow = subprocess.Popen([sys.executable, "-m", *words], cwd=folder)
            disturb(workflow)
            status = workflow.wait()
            failed = failures(Path(folder, "reports", study))
            seconds = f"{time.monotonic() - started:.0f} s"
            print(f"exit status {status} after {seconds}; pages that failed: {failed or 'none'}")
            whole = Path(folder, "reports", study, "index.html").exists()
        sys.exit(0 if status == 0 and whole and not failed else 1)
    finally:
        subprocess.run([ROOT / "tests/cluster/one-node", "stop"], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
