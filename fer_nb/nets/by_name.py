"""Any net of a run by its name: those of the thesis, MobileNetV2, and those that a search or its authors found."""

from fer_nb import study
from fer_nb.nets import genotypes, models
from fer_nb.nets.cells import SearchedNet

OTHERS = {"MobileNetV2": "mobilenet_v2"}  # of torchvision: Sandler et al. 2018, at our 44x44
PUBLISHED = {"DARTS_CIFAR10": "DARTS_V2", "PDARTS_CIFAR10": "PDARTS"}  # names in genotypes.KNOWN
CELLS, CHANNELS, STEM_STRIDE = 5, 16, 2  # of nets of a published genotype: those of notebook 09


def build(run, num_classes, pool="global", block_relu=False):
    """The net of a study.Run with torch's default initialisation, (N, 3, 44, 44) to logits (N, ``num_classes``).

    ``pool``, ``block_relu``: see ``models.build``; nets that are not the thesis's take no notice.

    Raises:
        ValueError: an unknown name, or a file that holds no genotype.
        FileNotFoundError: a net that the study searches has not been found yet; for a searched net, no such study.
    """
    if run.model in models.NAMES:
        return models.build(run.model, num_classes, pool, block_relu)
    if run.model in OTHERS:
        from torchvision.models import get_model

        return get_model(OTHERS[run.model], weights=None, num_classes=num_classes)
    if run.model in PUBLISHED:
        return SearchedNet(genotypes.KNOWN[PUBLISHED[run.model]], num_classes, CHANNELS, CELLS, STEM_STRIDE)
    file = study.searched_genotype(run.study, run.model, run.seed)
    if not file:
        return models.build(run.model, num_classes)  # raises: nobody knows this name
    genotype, about = genotypes.load(file)
    return SearchedNet(genotype, num_classes, about["channels"], about["cells"], about["stem_stride"])
