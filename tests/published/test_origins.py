from dataclasses import replace

import pandas as pd
from finished_study import executed

from fer_nb import study
from fer_nb.published import __main__, origins


def test_each_table_says_what_made_it():
    made = origins.origins_table("tiny").set_index("table")
    row = made.loc["table-3-10"]
    assert (row["notebook"], row["date"], row["commit"]) == ("05_evaluation", "2026-11-20", "0123456789")
    assert (row["runs"], row["epochs"], row["minutes"], row["precision"]) == (2, "2", 3.0, "bfloat16")
    assert (row["device"], row["data"]) == ("a board", "ck+/CK+48 ab12")
    assert made.loc["runs", "epochs"] == "60; 2"
    assert (made.loc["table-3-2", "runs"], made.loc["table-3-2", "device"]) == (0, "a desk, 2 cores")
    __main__.main(["tiny"])
    text = (origins.kept_folder() / "README.md").read_text()
    assert "`snakemake -c 2 --config study=tiny`" in text and "- `ck+/CK+48`: ab12" in text
    line = "| [table-3-10](tiny/table-3-10.csv) | 05_evaluation | 2026-11-20 | 0123456789 | 2 | 2 | 3 min 00 s |"
    assert f"{line} 0123456789 | a board | bfloat16 |" in text


def test_a_table_of_ones_own_pictures_is_not_kept(tree):
    (tree / "params/tiny/14_own_pictures.yaml").write_text("explained: 1\n")
    executed("14_own_pictures", [("own-pictures", pd.DataFrame({"file": ["me.jpg"]}))])
    assert "own-pictures" not in set(origins.origins_table("tiny")["table"])


def test_the_runs_of_an_ablation_are_behind_its_table_alone():
    light, other = study.Run("tiny", "ferm", "lightResNetl", 0), study.Run("tiny", "ferm", "ResNet18", 0)
    changed = replace(light, change="without-ema")
    runs = [light, other, changed]
    assert origins.runs_behind("ablation", runs) == [light, changed]
    assert origins.runs_behind("table-3-10-classes", runs) == origins.runs_behind("summary", runs) == [light, other]
    assert set(origins.runs_behind("calibration", runs)) == {light, other}
