"""The state of a training run after each epoch, so that a killed run goes on as if it had not been killed."""

import errno
import hashlib
import json

import torch

from fer_nb.files import replacing


def path(folder):
    return folder / "checkpoint.pt"


def describe(arguments, model, faces, dtype, teacher=None):
    """What a checkpoint must share with the run that takes it up: the net, the data, the teacher and every setting."""
    shapes = [[name, list(value.shape)] for name, value in model.state_dict().items()]
    net = digest(json.dumps(shapes).encode())
    votes = b"" if faces.targets is None else faces.targets.tobytes()
    data = digest(faces.images.tobytes(), faces.labels.tobytes(), "".join(faces.split).encode(), votes)
    taught = {} if teacher is None else teacher.state_dict()
    weights = digest(*(value.cpu().contiguous().numpy().tobytes() for value in taught.values()))
    return {**arguments, "number_format": str(dtype), "net": net, "data": data, "teacher": weights}


def digest(*parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:16]


def save(folder, settings, state, parts, generator):
    """Write the checkpoint of an epoch in place of the one before.

    Args:
        state: {"history": rows, "selected": weights}.
        parts: model, optimizer and whatever else has a ``state_dict``, by name.
        generator: torch.Generator of batch order and augmentation; torch's own ones, for dropout, go with it.

    Raises:
        OSError: the checkpoint could not be written; the one before is kept and nothing is left beside it.
    """
    generators = [generator.get_state(), torch.get_rng_state()]
    if generator.device.type == "cuda":
        generators.append(torch.cuda.get_rng_state(generator.device))
    saved = {"settings": settings, **state, "generators": generators}
    saved |= {name: part.state_dict() for name, part in parts.items()}
    try:
        with replacing(path(folder)) as partial, partial.open("wb") as file:
            torch.save(saved, file)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        text = f"the disk is full: no room for {path(folder)} after epoch {len(state['history'])}; "
        kept = f"that of epoch {len(state['history']) - 1} is kept" if path(folder).exists() else "there is none yet"
        raise OSError(errno.ENOSPC, f"{text}{kept}. Free some space and run again") from error


def refuse_other_settings(file, saved, settings):
    """Raise ValueError that names ``file`` and the first of ``settings`` with another value in ``saved``."""
    for key, value in settings.items():
        if saved.get(key) != value:
            raise ValueError(
                f"{file}: made with {key} = {saved.get(key)}, this run has {value}; "
                "restore the parameters to go on from it, or delete it to start anew"
            )


def load(folder, settings, parts, generator):
    """Put ``parts`` and the generators where a killed run left them; {"history": rows, "selected": weights}.

    Raises ValueError where the checkpoint there is of another net, other data or other settings.
    """
    file = path(folder)
    if not file.exists():
        return {"history": [], "selected": None}
    saved = torch.load(file, map_location="cpu", weights_only=True)
    refuse_other_settings(file, saved["settings"], settings)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    own, torchs, *cuda = saved["generators"]
    generator.set_state(own)
    torch.set_rng_state(torchs)
    for state in cuda:
        torch.cuda.set_rng_state(state, generator.device)
    print(f"going on after epoch {len(saved['history'])} of {settings['epochs']}", flush=True)
    return {"history": saved["history"], "selected": saved["selected"]}
