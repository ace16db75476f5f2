import json

import numpy as np
import pytest

from fer_nb.nets import genotypes
from fer_nb.nets.genotypes import KNOWN, Genotype
from fer_nb.nets.operations import OPERATIONS

DARTS = KNOWN["DARTS_V2"]


def changed(kind, position, edge):
    """DARTS_V2 with one other edge."""
    edges = list(getattr(DARTS, kind))
    edges[position] = edge
    return DARTS._replace(**{kind: edges})


@pytest.mark.parametrize("name", KNOWN)
def test_published_genotypes_are_whole(name):
    genotypes.check(KNOWN[name])
    assert len(KNOWN[name].normal) == len(KNOWN[name].reduce) == 8
    assert genotypes.skips(KNOWN[name].normal) == 2  # P-DARTS's limit, which DARTS's cell keeps by chance
    for edges in KNOWN[name][::2]:
        assert all(first[1] != second[1] for first, second in zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize(
    ("genotype", "text"),
    [
        (
            changed("normal", 3, ("sep_conv_7x7", 1)),
            "normal cell, node 3: unknown operation 'sep_conv_7x7': did you mean",
        ),
        (changed("reduce", 6, ("none", 0)), "reduction cell, node 5: unknown operation 'none'"),
        (changed("normal", 2, ("sep_conv_3x3", 3)), "normal cell, node 3: input 3 does not exist .* 0 to 2"),
        (changed("reduce", 0, ("skip_connect", -1)), "reduction cell, node 2: input -1 does not exist"),
        (changed("reduce", 0, ("skip_connect", "c0")), "input 'c0' does not exist"),
        (DARTS._replace(normal=DARTS.normal[:7]), "normal cell: 7 edges; give two for each node"),
        (DARTS._replace(reduce=[]), "reduction cell: 0 edges"),
        (DARTS._replace(normal_concat=[2, 6]), "normal cell: node 6 in the output does not exist; .* 2 to 5"),
        (DARTS._replace(reduce_concat=[]), "reduction cell: the output is of nodes"),
        (DARTS._replace(reduce_concat=[2, 2]), "each once"),
    ],
)
def test_a_bad_genotype_is_refused_and_nothing_is_written(genotype, text, tmp_path):
    with pytest.raises(ValueError, match=text):
        genotypes.check(genotype)
    with pytest.raises(ValueError, match=text):
        genotypes.save(tmp_path / "genotype.json", genotype, {})
    assert not list(tmp_path.iterdir())


def test_saved_and_loaded(tmp_path):
    about = {"data": "ckplus", "seed": 3, "method": "sample"}
    path = genotypes.save(tmp_path / "found" / "genotype.json", DARTS, about)
    assert genotypes.load(path) == (DARTS, about)
    assert type(genotypes.load(path)[0].normal[0]) is tuple
    assert json.loads(path.read_text())["genotype"]["normal"][7] == ["dil_conv_3x3", 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Genotype(normal=[])", "Expecting value"),
        ("[]", "no genotype as genotypes.save"),
        ("{}", "'genotype' is missing"),
        ('{"genotype": {"normal": []}, "about": {}}', "'reduce' is missing"),
        ('{"genotype": {"normal": ["skip_connect"], "reduce": []}, "about": {}}', "no genotype"),
    ],
)
def test_a_file_that_is_no_genotype(text, reason, tmp_path):
    path = tmp_path / "genotype.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"genotype\.json: no genotype as genotypes\.save") as error:
        genotypes.load(path)
    assert reason in str(error.value)


def test_a_file_with_an_unknown_operation_and_one_that_is_missing(tmp_path):
    path = genotypes.save(tmp_path / "genotype.json", DARTS, {})
    path.write_text(path.read_text().replace("dil_conv_3x3", "dil_conv_9x9"))
    with pytest.raises(ValueError, match=r"genotype.json: .* normal cell, node 5: unknown operation 'dil_conv_9x9'"):
        genotypes.load(path)
    with pytest.raises(FileNotFoundError, match=r"none.json: no such file; search"):
        genotypes.load(tmp_path / "none.json")


def test_what_json_cannot_hold_leaves_nothing_behind(tmp_path):
    with pytest.raises(TypeError):
        genotypes.save(tmp_path / "genotype.json", DARTS, {"data": {1, 2}})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("max_skips", [0, 2, 8, None])
def test_random_genotypes_are_whole_and_keep_the_limit(max_skips):
    rng = np.random.default_rng(0)
    drawn = [genotypes.random(rng, nodes=3, max_skips=max_skips) for _ in range(300)]
    for genotype in drawn:
        genotypes.check(genotype)
        for edges in (genotype.normal, genotype.reduce):
            assert all(first[1] < second[1] for first, second in zip(edges[::2], edges[1::2], strict=True))
    most = max(genotypes.skips(genotype.normal) for genotype in drawn)
    assert most == max_skips if max_skips in (0, 2) else most > 2
    assert max(genotypes.skips(genotype.reduce) for genotype in drawn) > 2  # no limit there


def test_random_genotypes_use_everything_and_follow_the_seed():
    drawn = [genotypes.random(np.random.default_rng(seed)) for seed in range(60)]
    assert {operation for genotype in drawn for operation, _ in genotype.reduce} == set(OPERATIONS)
    assert {edge[1] for genotype in drawn for edge in genotype.normal[6:]} == {0, 1, 2, 3, 4}
    assert drawn[:5] == [genotypes.random(np.random.default_rng(seed)) for seed in range(5)]
    assert len({str(genotype) for genotype in drawn}) == 60


def test_bad_settings_of_a_draw():
    with pytest.raises(ValueError, match="nodes = 0"):
        genotypes.random(np.random.default_rng(0), nodes=0)
    with pytest.raises(ValueError, match="max_skips = -1"):
        genotypes.random(np.random.default_rng(0), max_skips=-1)


def test_the_type_is_the_fields_own():
    assert Genotype._fields == ("normal", "normal_concat", "reduce", "reduce_concat")
