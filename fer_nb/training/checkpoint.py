"""The state of a training run after each epoch, so that a killed run goes on as if it had not been killed."""

import errno
import functools
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fer_nb import imports, machine, paths
from fer_nb.data.faceset import FaceSet
from fer_nb.files import replacing

REMEDY = "restore it, or delete it to start anew"


def path(folder: Path) -> Path:
    return folder / "checkpoint.pt"


def clear(folder: Path) -> None:
    """Delete the checkpoint, so that the next run starts anew: once everything that follows training is done."""
    path(folder).unlink(missing_ok=True)


def describe(settings: dict, model: nn.Module, faces: FaceSet, dtype: torch.dtype, teacher=None) -> dict:
    """What a checkpoint must share with the run that goes on from it: settings, net, data and teacher.

    The shapes of a net's weights do not tell all that it computes (its pool, a ReLU after an addition, which nodes of
    a cell are joined): what ``by_name.build`` built it from, ``model.description``, is compared too.
    """
    shapes = [[name, list(value.shape)] for name, value in model.state_dict().items()]
    net = digest(json.dumps(shapes).encode())
    votes = b"" if faces.targets is None else faces.targets.tobytes()
    data = digest(np.ascontiguousarray(faces.images).data, faces.labels.tobytes(), "".join(faces.split).encode(), votes)
    taught = {} if teacher is None else teacher.state_dict()
    weights = digest(*(value.cpu().contiguous().numpy().tobytes() for value in taught.values()))
    described = getattr(model, "description", {})
    digests = {"net": net, "data": data, "teacher": weights}
    return {**settings, **described, "number_format": str(dtype), **digests}


def digest(*parts: bytes | memoryview) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:16]


@functools.cache  # later edits are none of this process
def code() -> dict[str, str]:
    """The code that trains in this process: its commit, and a digest of the modules that decide what a net learns.

    Those that read the pictures do not count, as the pictures themselves are compared.
    """
    modules = imports.modules("fer_nb/training/one_run.py", (*imports.PRESENTATION, "data.datasets"))
    return {"commit": machine.commit(), "digest": digest(*((paths.ROOT / file).read_bytes() for file in modules))}


def note_code(state: dict) -> None:
    """Add ``code`` to ``state["code"]`` unless it is the last there, with the epoch (from 1) that it trains first.

    One line is printed where training began with other code. A checkpoint from before there was such a list has none.
    """
    now, known = code(), state["code"]
    if not known or known[-1]["digest"] != now["digest"]:
        known.append({"epoch": len(state["history"]) + 1, **now})
    if known[0]["digest"] != now["digest"]:
        before, here = (one["commit"] or "unknown" for one in (known[0], now))
        print(f"other code (commit {here}) than training began with ({before}): metrics.json lists both", flush=True)


def save(folder, settings, state, parts, generator):
    """Write the checkpoint of an epoch in place of the last one.

    Args:
        state: as from ``load``.
        parts: model, optimizer and whatever else has a ``state_dict``, by name.
        generator: torch.Generator of batch order and augmentation; torch's own ones, for dropout, go with it.

    Raises:
        OSError: the checkpoint could not be written; the last one is kept, and no partial file is left.
    """
    generators = [generator.get_state(), torch.get_rng_state()]
    if generator.device.type == "cuda":
        generators.append(torch.cuda.get_rng_state(generator.device))
    saved = {"settings": settings, **state, "generators": generators}
    saved |= {name: part.state_dict() for name, part in parts.items()}
    try:
        write(path(folder), saved)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        text = f"the disk is full: no room for {path(folder)} after epoch {len(state['history'])}; "
        kept = f"that of epoch {len(state['history']) - 1} is kept" if path(folder).exists() else "there is none yet"
        raise OSError(errno.ENOSPC, f"{text}{kept}. Free some space and run again") from error


def refuse_other_settings(file, saved, settings):
    """Raise ValueError that names ``file`` and the first of ``settings`` with another value in ``saved``."""
    if not isinstance(saved, dict):
        raise ValueError(f"{file}: no settings in it: {REMEDY}")
    for key, value in settings.items():
        if saved.get(key) != value:
            raise ValueError(
                f"{file}: made with {key} = {saved.get(key)}, this run has {value}; "
                "restore the parameters to go on from it, or delete the file to start anew"
            )


def write(file: Path, saved: dict) -> None:
    """Write a SHA-256 of 32 bytes, then what torch.save makes of ``saved``: torch reads flipped bits as they are."""
    content = io.BytesIO()
    torch.save(saved, content)
    with replacing(file) as partial, partial.open("wb") as opened:
        opened.write(hashlib.sha256(content.getbuffer()).digest())
        opened.write(content.getbuffer())


def read(file: Path) -> dict:
    """What ``write`` wrote; ValueError, with the remedy, where a byte of it is another one now."""
    content = file.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise ValueError(f"{file}: a damaged checkpoint, or none of fer_nb: {REMEDY}")
    return torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)


def load(folder, settings, parts, generator, defaults=None):
    """Put ``parts`` and the generators into the state of the checkpoint.

    Returns {"history": rows, "selected": weights, "code": see ``note_code``}; without a checkpoint nothing changes and
    the history is empty. ``defaults``: of settings that came after the checkpoint, which lacks them. Raises ValueError
    where the checkpoint is damaged, made on another kind of device, or of another net, other data or other settings.
    """
    file = path(folder)
    if not file.exists():
        return {"history": [], "selected": None, "code": []}
    saved = read(file)
    if missing := {"settings", "history", "selected", "generators", *parts} - set(saved):
        raise ValueError(f"{file}: {sorted(missing)[0]} is missing in it: {REMEDY}")
    made_on = "cuda" if len(saved["generators"]) == 3 else "cpu"  # see ``save``
    if made_on != generator.device.type:
        raise ValueError(
            f"{file}: made on {made_on}, this is {generator.device.type}, whose random numbers are others: go on on "
            f"{made_on}, or delete the file to start anew"
        )
    made = saved["settings"]
    refuse_other_settings(file, (defaults or {}) | made if isinstance(made, dict) else made, settings)
    if not isinstance(saved["history"], list) or len(saved["history"]) > settings["epochs"]:
        raise ValueError(f"{file}: its history is not one of {settings['epochs']} epochs or fewer: {REMEDY}")
    try:
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        own, torchs, *cuda = saved["generators"]
        generator.set_state(own)
        torch.set_rng_state(torchs)
        for state in cuda:
            torch.cuda.set_rng_state(state, generator.device)
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{file}: not the state of this net ({type(error).__name__}): {REMEDY}") from error
    print(f"going on after epoch {len(saved['history'])} of {settings['epochs']}", flush=True)
    return {"history": saved["history"], "selected": saved["selected"], "code": saved.get("code", [])}
