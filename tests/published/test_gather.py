"""What of the kept studies belongs together."""

import pandas as pd

from fer_nb import paths
from fer_nb.published import accuracies, gather, keep, origins


def study(name, **files):
    (paths.PARAMS / name).mkdir()
    for notebook, text in files.items():
        (paths.PARAMS / name / f"{notebook}.yaml").write_text(text)


def test_a_study_that_only_extends_another_has_its_recipe():
    study("again", study="extends: tiny\n")
    study("longer", **{"study": "extends: again\n", "04_training": "epochs: 90\n"})
    assert [accuracies.recipe(name, "ferm") for name in ("tiny", "again", "longer")] == ["tiny", "tiny", "longer"]


def test_claims_over_several_nets_are_of_one_recipe():
    """lightResNetl has most epochs in study longer, which has no other net: beside others it is that of tiny."""
    keep.keep_study("tiny")
    study("longer", **{"study": "extends: tiny\n", "04_training": "epochs: 90\n"})
    folder = origins.kept_folder()
    (folder / "longer").mkdir()
    for file in ("table-3-6.csv", "runs.csv", "origins.csv"):
        table = pd.read_csv(folder / "tiny" / file)
        if file != "origins.csv":
            table = table[table["model"] == "lightResNetl"].replace({60: 90, 90.0: 99.0})
        table.to_csv(folder / "longer" / file, index=False)
    results = accuracies.kept_results()
    other = results[(results["study"] == "tiny") & (results["model"] == "ResNet18")].assign(model="lightResNetm")
    assert results.loc[results["model"] == "lightResNetl", "accuracy"].iloc[0] == 99
    found = gather.kept_claims(pd.concat([results, other])).set_index("sentence")["measured"]
    assert found["On CK+ the light nets are better than others' methods."] == 90


def test_drawn_clips_say_how_hard_they_are():
    words = gather.conditions_in_words(["micro05_apex", "micro_mean", "micro05_dynamic"])
    assert words.endswith(
        ": micro varied, 1.5, 0.192; micro05 0.5, 1.5, 0.192. 3 classes of as many clips: chance is 33%."
    )
