"""The command line: every option works, JSON alone on stdout, one clear line and exit 2 when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlleak_core.__main__ import main
from mlleak_core.data.source import SOURCES
from mlleak_core.threat import discover

RUNG = {
    "layer",
    "attribute",
    "auc",
    "low",
    "high",
    "n",
    "null_auc",
    "label_only_auc",
    "random_init_auc",
    "few_shot_auc",
    "few_shot_random_init_auc",
    "few_shot_gain_low",
    "few_shot_gain_high",
    "neighbour_lift",
    "neighbour_lift_random_init",
    "gain",
}
TASK = {"accuracy", "balanced_accuracy", "majority", "n_train", "n_test", "samples_per_second"}


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "mlleak_core", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_list_names_every_threat_and_source(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(threat.card.slug in out and threat.card.question in out for threat in discover())
    assert all(source.spelling in out for source in SOURCES if not source.private)
    assert "synthetic" in out and "folder:PATH" in out and "location" in out and "csv:PATH" in out


def test_an_attack_that_another_room_keeps_is_sent_on():
    words = ("--data", "synthetic", "--batch", "4", "--json", "-")
    for spelled in (("--attack", "disaggregate"), ("--attack=disaggregate",)):
        done = run("property", *words[:2], *spelled, *words[2:])
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["threat"] == "inversion" and result["settings"]["net"] == "mlp"
        assert result["report"]["recovered"] == 4
        assert result["report"]["error"] < 1e-3 and result["seconds"] > 0
    wrong = run("property", "--attack", "disaggregate", "--participants", "3")
    assert wrong.returncode == 2 and "--participants" in wrong.stderr


def test_train_prints_one_json_object_and_nothing_else():
    done = run("train", "--faces", "1000", "--epochs", "2", "--seed", "4", "--no-augment", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {"threat", "data", "seed", "settings", "seconds", "report"}
    assert (result["threat"], result["data"], result["seed"]) == ("train", "synthetic", 4)
    assert result["settings"]["augment"] is False
    assert set(result["report"]) >= TASK


def test_features_reports_task_and_layers(tmp_path):
    out = tmp_path / "report.json"
    options = ["--faces", "1500", "--epochs", "2", "--attributes", "glasses,Darker tone", "--draws", "5"]
    assert main(["features", *options, "--json", str(out)]) == 0
    report = json.loads(out.read_text())["report"]
    assert set(report["task"]) >= TASK
    assert len(report["layers"]) == 12
    assert all(set(r) >= RUNG for r in report["layers"])
    assert {r["attribute"] for r in report["layers"]} == {"Glasses", "Darker tone"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--data", "nonsense"], "synthetic, lfw"),
        (["train", "--epochs", "0"], "between 1 and 100"),
        (["train", "--epochs", "many"], "invalid int"),
        (["train", "--net", "huge"], "conv-3"),
        (["train", "--data", "folder:/does/not/exist"], "folder of pictures"),
        (["features", "--attributes", "Kindness"], "Darker tone"),
        (["dance"], "invalid choice"),
        (["membership", "--data", "nonsense"], "synthetic, lfw"),
        (["membership", "--shadows", "1"], "between 2 and 256"),
        (["membership", "--attack", "magic"], "invalid choice"),
        (["membership", "--scores", "/no/such.csv"], "CSV file of scores"),
        (["membership", "--data", "clinic", "--endpoint", "http://127.0.0.1:9"], "Is the service running"),
        (["membership", "--data", "clinic", "--cluster", "tcp://127.0.0.1:9"], "Dask scheduler"),
        (["membership", "--base-rate", "2"], "between 0.0001 and 0.9999"),
        (["membership", "--data", "clinic", "--preset", "full"], "--preset only where it means something"),
        (
            ["reconstruction", "--attack", "cor", "--reveal", "label"],
            "--reveal only where it means something",
        ),
        (["reconstruction", "--low-bits", "3"], "--low-bits only where it means something"),
        (["reconstruction", "--code", "pixels4", "--bits=400"], "--bits only where it means something"),
        (
            ["inversion", "--attack", "analytic", "--prior", "smoothness"],
            "--prior only where it means something",
        ),
        (["membership", "--data", "csv:/no/such.csv"], "CSV file"),
        (["serve", "m0"], "none on this machine"),
        (["report", "nonsense"], "a kept training, an exhibit's JSON file"),
        (["report", "no/such/features-0.json"], "mlleak ship"),
        (["inversion", "--report", "photos.pdf"], "ends in .html, .png, .json"),
        ([], "required"),
        (["train", "--faces", "1000", "--epochs", "1", "--json", "/no/such/folder/x.json"], "cannot use"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(arguments, words, capfd):
    try:
        code = main(arguments)
    except SystemExit as end:  # argparse's way
        code = end.code
    out, err = capfd.readouterr()
    assert code == 2
    assert words in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_a_process_that_cannot_do_what_is_asked_ends_the_same_way():
    done = run("train", "--faces", "1000", "--epochs", "3", "--lr", "30")
    assert (done.returncode, done.stdout) == (2, "")
    assert "diverged" in done.stderr and len(done.stderr.strip().splitlines()) == 1


MEMBERSHIP = {
    "auc",
    "auc_low",
    "auc_high",
    "tpr_at_1pct",
    "tpr_at_0_1pct",
    "n_members",
    "n_nonmembers",
    "target_train_accuracy",
    "target_test_accuracy",
    "controls",
    "blind_auc",
    "shadow_seconds",
    "queries",
}


def test_membership_reports_one_attack_or_all_from_one_fleet(capsys, tmp_path):
    assert main(["membership", "--data", "clinic", "--shadows", "4", "--attack", "lira", "--seed", "2"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["threat"], result["data"], result["seed"]) == ("membership", "clinic", 2)
    assert set(result["report"]) >= MEMBERSHIP
    options = ["--data", "clinic", "--shadows", "4", "--attack", "all", "--seed", "2", "--base-rate", "0.01"]
    assert main(["membership", *options, "--per-record", str(tmp_path / "r.csv")]) == 0
    every = json.loads(capsys.readouterr().out)["report"]
    assert every["attacks"]["lira"]["auc"] == result["report"]["auc"]
    assert set(every["attacks"]) >= {
        "lira",
        "rmia",
        "base",
        "shokri",
        "quantile",
        "entropy",
        "loss",
        "label-only",
    }
    assert every["shadow_seconds"] == 0, "the fleet was already there"
    assert (
        every["attacks"]["lira"]["precision_at_1pct"]["value"]
        < result["report"]["precision_at_1pct"]["value"]
    )
    table = (tmp_path / "r.csv").read_text().splitlines()
    assert table[0].startswith("record,member,lira,")
    assert len(table) == 1 + every["attacks"]["lira"]["n_members"] + every["attacks"]["lira"]["n_nonmembers"]


def test_membership_takes_a_table_of_scores(tmp_path, capsys):
    lines = [
        "record,member,label,loss",
        *(f"{i},{i % 2},0,{0.01 * i * (1 if i % 2 else 3)}" for i in range(200)),
    ]
    (tmp_path / "s.csv").write_text("\n".join(lines))
    assert main(["membership", "--scores", str(tmp_path / "s.csv"), "--attack", "loss"]) == 0
    assert json.loads(capsys.readouterr().out)["report"]["auc_low"] > 0.5
    names = tmp_path / "names.csv"
    assert (
        main(
            ["membership", "--scores", str(tmp_path / "s.csv"), "--attack", "all", "--per-record", str(names)]
        )
        == 0
    )
    assert names.read_text().splitlines()[0].startswith("record,member,loss")
    assert len(names.read_text().splitlines()) == 201
    capsys.readouterr()
    assert main(["membership", "--scores", str(tmp_path / "s.csv"), "--attack", "shokri"]) == 2
    told = capsys.readouterr()
    assert "loss" in told.err and told.out == "", "an attack that needs shadows is refused, not replaced"


RECONSTRUCTION = {
    "mae",
    "mae_mean_image",
    "mae_clean_twin",
    "ssim",
    "bit_error_rate",
    "bits",
    "bits_per_second",
    "queries",
    "identified_rate",
    "accuracy",
    "accuracy_clean_twin",
    "accuracy_low",
    "accuracy_high",
}


@pytest.fixture
def reconstruct(folder, capsys):
    def call(*arguments):
        assert main(["reconstruction", "--data", folder, "--epochs", "32", *arguments, "--json", "-"]) == 0
        return json.loads(capsys.readouterr().out)

    return call


@pytest.mark.parametrize("attack", ["cap", "cor", "sgn", "lsb"])
def test_reconstruction_reports_the_reading_beside_its_controls(attack, tmp_path, reconstruct):
    picture = tmp_path / "faces.png"
    coded = ("--code", "pca", "--bits", "200") if attack in {"cap", "sgn"} else ()
    found = reconstruct("--attack", attack, "--faces", "4", *coded, "--gallery", str(picture))
    assert (found["threat"], found["settings"]["attack"]) == ("reconstruction", attack)
    report = found["report"]
    assert set(report) >= RECONSTRUCTION
    assert report["mae"] < report["mae_mean_image"] / 2
    assert report["identified_rate"] == 1
    assert report["accuracy_low"] <= report["accuracy"] <= report["accuracy_high"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_wrong_decoding_key_is_said_and_reads_nothing(reconstruct):
    report = reconstruct("--attack", "lsb", "--faces", "2", "--decode-key", "wrong")["report"]
    assert "wrong key" in report["note"]
    assert report["identified_rate"] == 0


def test_gradient_inversion_of_one_photo_is_exact(folder, capsys):
    assert main(["inversion", "--data", folder, "--attack", "analytic", "--net", "mlp", "--batch", "1"]) == 0
    report = json.loads(capsys.readouterr().out)["report"]
    assert report["max_error"] < 0.255
    assert report["mae_low"] is None, "one photo has no interval, and JSON no infinity"
    assert report["method"] == "analytic"


def test_a_run_writes_its_report_to_take_away(folder, capsys, tmp_path):
    asked = ["inversion", "--data", folder, "--attack", "analytic", "--net", "mlp", "--batch", "1"]
    for ending, begins in (("html", b"<!DOCTYPE html>"), ("png", b"\x89PNG"), ("json", b"{")):
        file = tmp_path / f"report.{ending}"
        assert main([*asked, "--report", str(file)]) == 0
        assert file.read_bytes().startswith(begins)
    capsys.readouterr()
    report = json.loads(file.read_text())
    assert report["settings"]["data"] == folder and report["warnings"]
    assert report["reproduce"]["command"] == f"mlleak {' '.join([asked[0], *asked[1:]])}"


def test_a_shipped_exhibit_is_taken_away(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "inversion-0"]) == 0
    assert (tmp_path / "inversion-0.html").read_bytes().startswith(b"<!DOCTYPE html>")
    assert main(["report", "inversion-0", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["threat"] == "inversion"


def test_a_malicious_run_is_read_back_over_http_until_the_rate_limit(folder, capsys):
    from mlleak_core.target.service import app
    from tests.target.test_service import running

    options = [
        "--data",
        folder,
        "--faces",
        "4",
        "--bits",
        "200",
        "--parity",
        "0",
        "--epochs",
        "24",
        "--seed",
        "3",
    ]
    assert main(["reconstruction", *options]) == 0
    name = json.loads(capsys.readouterr().out)["report"]["run"]
    for limit, reveal in ((0, "label"), (600, "probabilities")):
        with running(app(name, reveal, "secret", limit)) as address:
            assert main(["reconstruction", *options, "--endpoint", address, "--key", "secret"]) == 0
        report = json.loads(capsys.readouterr().out)["report"]
        if limit:
            assert "Read 512 of 800" in report["note"] and "429" in report["note"]
        else:
            assert (report["queries"], report["identified_rate"]) == (800, 1)
    assert main(["reconstruction", "--attack", "sgn", "--endpoint", "http://127.0.0.1:9"]) == 2
    assert "--attack cap" in capsys.readouterr().err
