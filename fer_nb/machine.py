"""What made a result: the code's commit, library versions, the machine."""

import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

from fer_nb import paths

LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "statsmodels",
    "captum",
    "onnx",
    "onnxruntime",
    "opencv-python-headless",
    "matplotlib",
    "safetensors",
    "papermill",
    "snakemake",
)


def _output(*command: str) -> str:
    """What a command prints, stripped; "" where it is missing or fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def commit() -> str:
    """The checkout's commit, with "+changes" where its files differ from it; "" where it is no repository itself."""
    if Path(_output("git", "rev-parse", "--show-toplevel") or "/").resolve() != paths.ROOT:
        return ""
    head = _output("git", "rev-parse", "--verify", "HEAD")
    return head + "+changes" if head and _output("git", "status", "--porcelain") else head


def versions() -> dict[str, str]:
    """Python's and each library's version; a library that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpuinfo(*names: str) -> str:
    """The first value under one of ``names`` that Linux gives for its processors; "" elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(names)), "")


def processor() -> str:
    """The processor's name: "AMD EPYC"."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def processor_key() -> str:
    """A short name for this kind of processor and its instruction sets, for what is kept for it alone."""
    known = f"{platform.machine()} {processor()} {_cpuinfo('flags', 'Features')}"
    return hashlib.sha256(known.encode()).hexdigest()[:12]


def device() -> str:
    """The processor, how many cores this process may use, and the GPUs: "AMD EPYC, 2 cores; NVIDIA H100"."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # "GPU 0: NVIDIA H100 80GB HBM3 (UUID: ...)"
    gpus = [line.partition(": ")[2].partition(" (UUID")[0] for line in _output("nvidia-smi", "-L").splitlines()]
    return "; ".join([f"{processor()}, {cores} cores", *gpus])
