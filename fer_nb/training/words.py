"""A training run in sentences of Markdown: its length, what it adds to the thesis's protocol, and what it reached."""

from fer_nb.training.protocol import AUGMENTATIONS, Protocol

SELECTION = {"valid": "the best on the validation split", "last": "the last, as there is no validation split"}


def recipe_in_words(protocol: Protocol, teacher: str = "", drop_repeats: bool = False) -> str:
    """Epochs, batch size and rate of a run; what it adds to the thesis's protocol, and leaves out of it.

    ``teacher``: the net's name, "" for none.
    """
    weight, temperature = f"weight {protocol.teacher_weight:g}", f"temperature {protocol.temperature:g}"
    sizes = ", then ".join(f"{side} px for {count} epoch{'s' * (count > 1)}" for side, count in protocol.sizes)
    parts = {
        f"views of {sizes}": protocol.sizes,
        f"schedule {protocol.schedule}, {protocol.warmup:g} epochs of warm-up": protocol.schedule != "step",
        "no weight decay on batch norm and biases": not protocol.decay_all,
        f"label smoothing {protocol.smoothing:g}": protocol.smoothing and not protocol.votes,
        f"mixup {protocol.mixup:g}": protocol.mixup,
        f"cutmix {protocol.cutmix:g}": protocol.cutmix,
        f"random erasing of {protocol.erasing:.0%}": protocol.erasing,
        f"averaged weights (decay {protocol.ema:g})": protocol.ema,
        "FERPlus's votes as targets": protocol.votes,
        f"{teacher} as the teacher ({weight}, {temperature})": teacher,
        "training pictures that repeat held-out ones excluded": drop_repeats,
    }
    used = [text for text, on in parts.items() if on]
    left_out = [name.replace("_", " ") for name in AUGMENTATIONS if not getattr(protocol, name)]
    less = f" Left out of it: {', '.join(left_out)}." if left_out else ""
    length = f"{protocol.epochs} epoch{'s' * (protocol.epochs > 1)}, batches of {protocol.batch_size}"
    return f"{length}, rate {protocol.lr:g}. Added to the thesis's protocol: {'; '.join(used) or 'nothing'}.{less}"


def result_in_words(metrics: dict) -> str:
    """What a finished run reached, from its metrics.json."""
    return (
        f"**{metrics['test_accuracy']:.2f}%** on the test split by ten crops, with the weights of epoch "
        f"{metrics['selected_epoch']} of {metrics['epochs']} ({SELECTION[metrics['selection']]}). The code that the "
        f"thesis builds on selects on the test split itself: that would give epoch {metrics['best_test_epoch']} with "
        f"{metrics['best_test_accuracy']:.2f}%. Training took {metrics['seconds']:.0f} s, "
        f"{metrics['pictures_per_second']:.0f} pictures per second in {metrics['precision']}."
    )
