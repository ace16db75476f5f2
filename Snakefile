"""The study as a graph of notebooks: snakemake -c 2 --config study=ckplus

A study (default: quick) is a folder of parameter files under params/; its notebooks, runs and tables follow from them
(fer_nb/study.py). An executed notebook and its page stand under `log:`, where they outlive a failure.
"""

import functools
import glob
import hashlib
import os
import shutil
import sys

# This checkout's fer_nb, whichever is installed.
sys.path.insert(0, workflow.basedir)
os.environ["PYTHONPATH"] = os.pathsep.join([workflow.basedir, *filter(None, [os.environ.get("PYTHONPATH")])])
from fer_nb import files, imports, paths, study
from fer_nb.names import refuse_unknown
from fer_nb.nets.known import refuse_unknown_nets
from fer_nb.report import kept, refusal
from fer_nb.report.promised import promised
from fer_nb.data.datasets import NAMES, checksums, sources
from fer_nb.drawing.conditions import CONDITIONS
from fer_nb.evaluation.thesis import MODELS

os.environ["FER_NB_DATA"] = str(paths.DATA)  # the same for every process, whatever folder it works in


workdir: workflow.basedir


STUDY = config.get("study", "quick")
INDEX = paths.REPORTS / str(STUDY) / "index.html"
RUN = "{sys.executable:q} -m fer_nb.run {input.notebook:q} {params.parameters:q} {log.notebook:q}"
FILES = ["history.csv", "predictions.csv", "metrics.json", "weights.safetensors"]


def drawn(given, names=()):
    """The drawn faces that parameters with `data: synthetic` need, and the drawn clips where a data set is made of them."""
    if given.get("data") != "synthetic":
        return []
    clips = {name.partition("_")[0] for name in names} & {*CONDITIONS}
    return ["runs/synthetic", *(f"runs/synthetic-micro/{name}.npz" for name in sorted(clips))]


def drawable(dataset):
    """Whether the data set can be drawn."""
    return dataset.startswith(("fer", "ckplus")) or dataset.partition("_")[0] in CONDITIONS


def contents(given, names):
    """The digests of the real data: a folder that moves makes nothing run again."""
    return " ".join(digests(name) for name in names) if given.get("data") == "real" else ""


@functools.cache
def digests(name):
    return " ".join(digest[:16] for digest in checksums(name, "real").values())


def content(*read):
    """A digest of what files contain, for `params:`. An edit counts even while the job runs, when outputs are newer."""
    return hashlib.sha256("".join(files.sha256(paths.ROOT / file) for file in read).encode()).hexdigest()[:16]


def tables(notebook):
    return [f"reports/{STUDY}/tables/{name}.csv" for name in promised(STUDY, notebook)]


def done(notebook):
    """The mark that a notebook has run, for one that promises no table."""
    return f"runs/{STUDY}/notebooks/{notebook}.done"


def relative(*files):
    """Paths as Snakemake wants them: relative to the checkout."""
    return [str(file.relative_to(paths.ROOT)) for file in files]


def rests_on(notebook):
    """The modules whose change makes a notebook run again; of a search, only those that decide what it finds."""
    searches = notebook == "09_architecture_search"
    shown = imports.PRESENTATION + imports.SEARCH_SHOWN if searches else ()
    unused = imports.OTHER_SETS * (searches and GIVEN[notebook]["dataset"] in NAMES)
    return imports.modules(f"notebooks/{notebook}.ipynb", (*shown, *unused))


def check_detector():
    """Raise FileNotFoundError where photographs are explained and the detector that finds their regions is missing."""
    explained = [GIVEN[name] for name in GIVEN if name[:2] in ("06", "07", "08")]
    if any(given["data"] == "real" for given in explained) and not (paths.DATA / "landmarks").is_dir():
        from fer_nb.data.faces import detector_file  # imports OpenCV, which other studies' plans do without

        detector_file()


def refuse_study(error):
    """Stop; the index of the study says why."""
    if STUDY in study.studies() and not workflow.dryrun:
        refusal.write_refusal(STUDY, error)
    sys.exit(f"Snakefile: {error}")


# All parameters, and whether the data are there, before anything runs.
try:
    refuse_unknown("key of --config", config, ["study"])
except ValueError as error:
    sys.exit(f"Snakefile: {error}")
try:
    if not isinstance(STUDY, str):
        raise ValueError(f"--config study is read as {STUDY!r}: name the study with letters, digits, _, . and -")
    GIVEN = {name: study.parameters(STUDY, name) for name in study.notebooks(STUDY) if name != "04_training"}
    FOUND = relative(*(study.genotype(STUDY, *of) for of in study.searches(STUDY)))
    RUNS = study.training_runs(STUDY)
    refuse_unknown_nets(STUDY, RUNS)
    RESTS_ON = {name: rests_on(name) for name in GIVEN}
    imports.modules("notebooks/04_training.ipynb")
    for given in GIVEN.values():
        contents(given, study.datasets(STUDY))
    for run in RUNS:
        real = study.training_parameters(run)["data"] == "real"
        if real or not drawable(run.dataset):  # what is drawn is drawn by a job
            sources(run.dataset, "real" if real else "synthetic")
    check_detector()
except (OSError, ValueError) as error:
    refuse_study(error)
if refusal.REFUSAL in (INDEX.read_text(encoding="utf-8") if INDEX.exists() else ""):
    INDEX.unlink()  # of a refusal that is over

# The lock of a start that was killed is taken away where no other start lives, once the jobs that it left have ended.
if workflow.is_main_process and files.hold(paths.RUNS / ".starts.lock") and glob.glob(".snakemake/locks/*.lock"):
    print("An earlier start was killed: going on when its last job has ended.", file=sys.stderr)
    for lock in [paths.RUNS / ".jobs.lock", *(run.folder / "lock" for run in RUNS if (run.folder / "lock").exists())]:
        files.wait_for(lock)
    shutil.rmtree(".snakemake/locks")


def left_by(runs):
    """What training runs leave in their folders."""
    return [f"runs/{run.study}/04_training/{run.name}/{file}" for run in runs for file in FILES]


TRAINED = left_by(RUNS)
PROMISED = [name for notebook in GIVEN for name in promised(STUDY, notebook)]
RESULTS = {name: tables(name) or [done(name)] for name in GIVEN}
RESULTS |= {name: [*RESULTS[name], *FOUND] for name in RESULTS if name == "09_architecture_search"}


def explained(notebook):
    """The files of the one training run that a notebook looks into."""
    run = "{dataset}-{model}-seed{seed}".format_map(GIVEN.get(notebook, dict.fromkeys(["dataset", "model", "seed"])))
    return [file for file in TRAINED if f"/{run}/" in file]


BEFORE = {
    "00_background": left_by(study.evaluation_runs(STUDY)) if "05_evaluation" in GIVEN else [],
    "05_evaluation": left_by(study.evaluation_runs(STUDY)) if "05_evaluation" in GIVEN else [],
    "06_mp_analysis": explained("06_mp_analysis"),
    "07_score_cam_analysis": RESULTS.get("06_mp_analysis", []),
    "08_robustness": RESULTS.get("07_score_cam_analysis", []),
    "10_searched_networks": left_by(study.comparison_runs(STUDY)) if "10_searched_networks" in GIVEN else [],
    "11_efficiency": TRAINED,
    "12_summary": [TRAINED, *(RESULTS[name] for name in GIVEN if name != "12_summary")],
    "13_explorer": explained("13_explorer"),
}


localrules:
    all,
    index,


# Every stage's results, not the last one's alone: a failed stage runs again whatever came after it.
rule all:
    input:
        TRAINED,
        RESULTS.values(),
        f"reports/{STUDY}/index.html",


rule micro:
    input:
        imports.modules("fer_nb/drawing/micro_expressions.py"),
    output:
        "runs/synthetic-micro/{clips}.npz",
    params:
        modules=content(*imports.modules("fer_nb/drawing/micro_expressions.py")),
    shell:
        "{sys.executable:q} -m fer_nb.drawing.micro_expressions {output:q} --condition {wildcards.clips:q}"


rule synthetic:
    input:
        imports.modules("fer_nb/drawing/synthetic.py"),
    output:
        directory("runs/synthetic"),
    params:
        modules=content(*imports.modules("fer_nb/drawing/synthetic.py")),
    shell:
        "{sys.executable:q} -m fer_nb.drawing.synthetic {output:q}"


def run_of(wildcards):
    """The run that the training rule's wildcards name."""
    w = wildcards
    return study.Run(w.protocol, w.dataset, w.model, int(w.seed), w.change.removeprefix("-"))


def taught_by(wildcards):
    """The weights of the run's teacher, where it has one."""
    run = study.teacher(run_of(wildcards))
    return [f"runs/{run.study}/04_training/{run.name}/weights.safetensors"] if run else []


def described_by(wildcards):
    """The genotype of the run's net, where it is a searched one."""
    run = run_of(wildcards)
    file = study.searched_genotype(run.study, run.model, run.seed)
    return relative(file) if file else []


def learned_by(wildcards):
    """The modules that decide what a run learns; those of searched nets and of clips are left out where it has none."""
    run = run_of(wildcards)
    unused = imports.OTHER_NETS * (run.model in MODELS) + imports.OTHER_SETS * (run.dataset in NAMES)
    return imports.modules("notebooks/04_training.ipynb", (*imports.PRESENTATION, *unused))


def protocol_of(wildcards):
    """The parameter files of the run's study for notebook 04."""
    return relative(*study.parameter_files(wildcards.protocol, "04_training"))


# One training run. How results are shown does not change what it learns: a changed plot trains nothing.
rule training:
    input:
        notebook="notebooks/04_training.ipynb",
        parameters=protocol_of,
        modules=learned_by,
        faces=lambda wildcards: drawn(study.parameters(wildcards.protocol, "04_training"), [wildcards.dataset]),
        genotype=described_by,
        teacher=taught_by,
    output:
        expand("runs/{{protocol}}/04_training/{{dataset}}-{{model}}-seed{{seed}}{{change}}/{file}", file=FILES),
    log:
        notebook="runs/{protocol}/notebooks/04_training-{dataset}-{model}-seed{seed}{change}.ipynb",
        page="reports/{protocol}/04_training-{dataset}-{model}-seed{seed}{change}.html",
    wildcard_constraints:
        protocol="[A-Za-z][A-Za-z0-9_.-]*",
        dataset="[a-z0-9_]+(-[a-z0-9]+)?",
        model="[A-Za-z0-9_]+",
        seed="[0-9]+",
        change="(-[A-Za-z][A-Za-z0-9_.-]*)?",
    params:
        parameters="params/{protocol}/04_training.yaml",
        data=lambda wildcards: contents(
            study.parameters(wildcards.protocol, "04_training"), [wildcards.dataset.partition("-")[0]]
        ),
        words=lambda wildcards: study.command_words(run_of(wildcards)),
        content=lambda wildcards: content(*protocol_of(wildcards), *learned_by(wildcards)),
    threads: workflow.cores
    shell:
        RUN + " {params.words:q}"


for notebook, given in GIVEN.items():

    rule:
        name:
            notebook
        input:
            notebook=f"notebooks/{notebook}.ipynb",
            parameters=relative(*study.parameter_files(STUDY, notebook)),
            modules=RESTS_ON[notebook],
            faces=drawn(given, study.named_datasets(given)),
            results=BEFORE.get(notebook, []),
        output:
            RESULTS[notebook] if tables(notebook) else touch(done(notebook)),
        log:
            notebook=f"runs/{STUDY}/notebooks/{notebook}.ipynb",
            page=f"reports/{STUDY}/{notebook}.html",
        params:
            parameters=f"params/{STUDY}/{notebook}.yaml",
            data=contents(given, study.read_datasets(given)),
            content=content(*relative(*study.parameter_files(STUDY, notebook)), *RESTS_ON[notebook]),
        # 11 takes times: nothing may run beside it. The others compute for minutes.
        threads: workflow.cores if notebook[:2] in ("06", "07", "08", "09", "11") else 1
        shell:
            RUN


rule index:
    input:
        TRAINED,
        RESULTS.values(),
        imports.modules("fer_nb/report/__main__.py"),
        sorted(glob.glob("fer_nb/report/template/*")),
    output:
        f"reports/{STUDY}/index.html",
    shell:
        "{sys.executable:q} -m fer_nb.report {STUDY:q}"


# The pages of what failed are there already; this leads to them, and puts the last good tables back.
onerror:
    kept.put_back(STUDY, kept.missing(STUDY, PROMISED))
    shell("{sys.executable:q} -m fer_nb.report {STUDY:q}")
