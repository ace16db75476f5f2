"""The state of a training run after each epoch, so that a killed run goes on as if it had not been killed."""

import hashlib
import json
import os

import torch


def path(folder):
    return folder / "checkpoint.pt"


def describe(arguments, model, faces, dtype):
    """What a checkpoint must share with the run that takes it up: the net, the data and every setting."""
    shapes = [[name, list(value.shape)] for name, value in model.state_dict().items()]
    digest = hashlib.sha256(faces.images.tobytes() + faces.labels.tobytes() + "".join(faces.split).encode())
    net = hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:16]
    return {**arguments, "number_format": str(dtype), "net": net, "data": digest.hexdigest()[:16]}


def save(folder, settings, state, model, optimizer, generator):
    folder.mkdir(parents=True, exist_ok=True)
    saved = {
        "settings": settings,
        **state,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generators": [generator.get_state(), torch.get_rng_state()],
    }
    temporary = folder / "checkpoint.pt.tmp"
    torch.save(saved, temporary)
    os.replace(temporary, path(folder))


def load(folder, settings, model, optimizer, generator):
    """Put model, optimizer and generators where a killed run left them; {"history": rows, "selected": weights}."""
    file = path(folder)
    if not file.exists():
        return {"history": [], "selected": None}
    saved = torch.load(file, map_location="cpu", weights_only=True)
    differing = [key for key in settings if saved["settings"].get(key) != settings[key]]
    if differing:
        key = differing[0]
        raise ValueError(
            f"{file}: made with {key} = {saved['settings'].get(key)}, this run has {settings[key]}; "
            "restore the parameters to go on from it, or delete it to start anew"
        )
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    generator.set_state(saved["generators"][0])
    torch.set_rng_state(saved["generators"][1])
    print(f"going on after epoch {len(saved['history'])} of {settings['epochs']}", flush=True)
    return {"history": saved["history"], "selected": saved["selected"]}
