import pandas as pd

from fer_nb.nets import diagrams, models


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_blocks_show_what_the_blocks_do():
    lights, first, second = diagrams.blocks().axes
    assert len([text for text in texts(lights) if text.startswith("stage")]) == 4
    drawn = [text for text in texts(first) if "convolution" in text]
    assert len(drawn) == sum(type(layer).__name__ == "Conv2d" for layer in models.BasicBlock1(4, 8, 4).modules())
    drawn = [text for text in texts(second) if "convolution" in text]
    assert len(drawn) == sum(type(layer).__name__ == "Conv2d" for layer in models.BasicBlock2(4, 8, 8, 2).modules())


def test_the_bars_end_at_the_counts():
    tables = {name: models.stage_table(models.count(models.build(name))) for name in models.NAMES}
    parameters, macs = diagrams.stage_costs(tables).axes
    for ax, column in ((parameters, "parameters"), (macs, "macs")):
        ends = {round(bar.get_x() + bar.get_width(), 6) for bar in ax.patches}
        assert {round(table[column].sum() / 1e6, 6) for table in tables.values()} <= ends


def test_the_words_name_the_costliest_stage():
    table = pd.DataFrame({"stage": ["stem", "stage2", "fc"], "parameters": [1, 2, 7], "macs": [25, 75, 0]})
    said = diagrams.costs_in_words({"A": table, "B": table.assign(macs=[90, 5, 5])})
    assert said == (
        "Largest share of the parameters in one stage: A 70% (fc), B 70% (fc). "
        "Largest share of the MACs in one stage: A 75% (stage2), B 90% (stem)."
    )
