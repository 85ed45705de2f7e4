"""Plans as people and programs get them: text of 80 columns, JSON, a script; and how shells read them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cases import every
from commands import run as run_cli
from planning import (
    DATA,
    ENTERPRISE,
    MANAGED,
    NO_IMPORT,
    NOW_MS,
    PREMIUM,
    SNAPSHOTS,
    TOLD,
    exported,
    kinds,
    planned,
    step,
)

from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import Plan
from rdbcodec.compat.azure.shells import (
    SHELLS,
    Address,
    Array,
    Ask,
    Command,
    Name,
    Variables,
    line,
    lines,
)
from rdbcodec.compat.target import find, sources
from rdbcodec.reports import azure
from rdbcodec.reports.azure_script import script

NAMES = Names(resource_group="rg", storage_account="acct", container="box", blob_prefix="night")
SAS = "https://acct.blob.core.windows.net/box/mine.rdb?sv=2024-08-04&se=2026-11-23&sr=b&sp=r&sig=c2VjcmV0"


@cache
def plans() -> tuple[Plan, ...]:
    """Plans of every kind: services, channels, ways to sign in, blobs, operations."""
    return tuple(_plans())


def _plans() -> Iterator[Plan]:
    for target in (MANAGED[-1], ENTERPRISE[-1], PREMIUM[-1]):
        for channel in ("portal", "cli", "powershell"):
            for way in ("sas", "managed-identity"):
                told: dict[str, Any] = {
                    "channel": channel,
                    "authentication": way,
                    "storage_subscription": "s2",
                }
                yield planned(target, names=NAMES, although=True, blob_type="page", firewall=True, **told)
                yield planned(target, ("a", DATA), ("b c", DATA), although=True, **told)
                yield exported(target, NAMES, cluster_name="mine", **told)
                yield exported(target, **told)


# --- every parameter has a source ---------------------------------------------------------------------


class Takes(NamedTuple):
    """What a command needs, and what else a plan may give it."""

    needs: frozenset[str]
    may: frozenset[str] = frozenset()


def takes(needs: str, may: str = "") -> Takes:
    return Takes(frozenset(needs.split()), frozenset(may.split()))


_BLOB = "--account-name --container-name --name"
_SIGNED = "--permissions --start --expiry --https-only --output"
_ENT = "--cluster-name --resource-group"
_RED = "--name --resource-group"
# As `COMMAND --help` of Azure CLI 2.91.0 has them; az redisenterprise as commands.py and custom.py of the
# extension register them (@22f4425f); cmdlets as their pages on learn.microsoft.com have them (2026).
PARAMETERS: Mapping[str, Takes] = {
    "az storage container create": takes("--account-name --name --auth-mode"),
    "az storage container generate-sas": takes(f"--account-name --name {_SIGNED}"),
    "az storage blob upload": takes(f"{_BLOB} --file --type --auth-mode"),
    "az storage blob generate-sas": takes(f"{_BLOB} {_SIGNED} --full-uri"),
    "az storage blob list": takes("--account-name --container-name --auth-mode --query --output", "--prefix"),
    "az storage blob download-batch": takes("--account-name --source --destination --auth-mode"),
    "az storage account show": takes("--name --query --output", "--subscription"),
    "az storage account update": takes("--name --bypass", "--subscription"),
    "az role assignment create": takes("--assignee-object-id --assignee-principal-type --role --scope"),
    "az redis identity assign": takes(f"{_RED} --mi-system-assigned --query --output"),
    "az redis import": takes(f"{_RED} --files --yes", "--auth-method --storage-sub-id"),
    "az redis export": takes(f"{_RED} --prefix --container", "--auth-method --storage-sub-id"),
    "az redis show": takes(f"{_RED} --query --output"),
    "az redis list-keys": takes(f"{_RED} --query --output"),
    "az redisenterprise show": takes(f"{_ENT} --query --output"),
    "az redisenterprise database show": takes(f"{_ENT} --query --output"),
    "az redisenterprise database list-keys": takes(f"{_ENT} --query --output"),
    "az redisenterprise database import": takes(f"{_ENT} --sas-uris"),
    "az redisenterprise database export": takes(f"{_ENT} --sas-uri"),
    "Import-AzRedisEnterpriseCache": takes("-ClusterName -ResourceGroupName -SasUri"),
    "Export-AzRedisEnterpriseCache": takes("-ClusterName -ResourceGroupName -SasUri"),
    "Import-AzRedisCache": takes(
        "-ResourceGroupName -Name -Files -Force",
        "-PreferredDataArchiveAuthMethod -StorageSubscriptionId",
    ),
    "Export-AzRedisCache": takes(
        "-ResourceGroupName -Name -Prefix -Container",
        "-PreferredDataArchiveAuthMethod -StorageSubscriptionId",
    ),
}


def test_commands_have_the_parameters_their_sources_name_and_all_of_them_are_made() -> None:
    made = set()
    for found in plans():
        for command in _commands(found):
            words = [word for word in command.words if isinstance(word, str)]
            if words[0] in ("rdbcodec", "gunzip", "python", "export", "redis-cli"):
                continue
            flags = {word for word in words if word.startswith("-")}
            name = " ".join(words[: next(at for at, word in enumerate(words) if word in flags)])
            known = PARAMETERS[name]
            assert known.needs <= flags <= known.needs | known.may, name
            made.add(name)
    assert made == set(PARAMETERS)


def _commands(found: Plan) -> list[Command]:
    return [one for each in found.steps for one in each.commands if isinstance(one, Command)]


def test_every_command_and_sentence_has_a_source_with_a_date() -> None:
    keys = {key for found in plans() for each in found.steps for key in each.who_says_so()}
    assert keys - {"rdbcodec"} <= set(sources())
    silent = {each.kind for found in plans() for each in found.steps if not each.who_says_so()}
    assert silent <= {"sign"}  # a SAS of the user's own needs no source


def test_nothing_is_to_be_compared_with_help() -> None:
    shown = {text for found in plans() for text in azure.lines(found, with_sources=True)}
    assert not any("compare" in text for text in shown)


# --- text -----------------------------------------------------------------------------------------------


def test_lines_are_80_columns_but_for_words_that_are_longer() -> None:
    for found in plans():
        for text in azure.lines(found, with_sources=True):
            assert len(text) <= 80 or max(map(len, text.split())) > 60, text


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with dump.rdb in it."""
    (tmp_path / "dump.rdb").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> tuple[int, list[str]]:
    done = run_cli("azure", "plan", "--now", str(NOW_MS), "--no-progress", *words)
    assert done.stderr == b""
    return done.returncode, done.stdout.decode().splitlines()


def _flags(told: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in told.items():
        flag = "--" + name.replace("_", "-")
        negated = "--no-" + name.replace("_", "-")
        words += [flag if value else negated] if isinstance(value, bool) else [flag, str(value)]
    return words


def test_a_plan_in_words() -> None:
    code, shown = run("dump.rdb", "--target", "amr-balanced", *_flags(TOLD), "--channel", "cli")
    assert (code, shown[0]) == (0, "dump.rdb -> Azure Managed Redis 7.4, Balanced   YES")
    at = shown.index("1. Create the container, unless it is there")
    assert shown[at + 1 : at + 6] == [
        "     az storage container create --name '<container>' \\",
        "       --account-name '<storage-account>' --auth-mode login",
        "   - The storage account must be in the region of the cache.",
        "   - Whoever runs az with --auth-mode login needs the role Storage Blob Data",
        "     Contributor, too.",
    ]
    assert " ".join(shown[-2:]) == (
        "Other ways: --channel powershell, --channel portal; --format sh. Where all this is from: --sources."
    )


NO_REGION: dict[str, Any] = {**TOLD, "storage_region": "northeurope"}
BLOCKED = [
    "  blocker   the storage account is in northeurope, the cache in westeurope; they",
    "            have to share a region [AZ-REGION]",
    "    do      copy the blob into an account of the cache's region",
    "",
    "No steps: the answer is NO. --force prints them all the same.",
]


def test_an_answer_of_no_is_the_reason_and_no_steps() -> None:
    code, shown = run("dump.rdb", "--target", "amr-balanced-7.4", *_flags(NO_REGION))
    assert code == 1
    assert shown[0] == "dump.rdb -> Azure Managed Redis 7.4, Balanced   NO: 1 reason"
    assert [text for text in shown if "warning" not in text][-5:] == BLOCKED


def test_the_same_remedy_is_told_once() -> None:
    newer = (SNAPSHOTS / "redis-7.4.1-hfe.rdb").read_bytes()
    found = planned("amr-balanced-7.2", ("dump.rdb", newer))
    told = [text for text in azure.lines(found) if "rdbcodec convert" in text]
    assert told == ["    do      rdbcodec convert dump.rdb --to redis-7.2 -o"]
    blockers = [one for one in found.verdicts["dump.rdb"].findings if one.severity == "blocker"]
    assert len([one for one in blockers if "convert" in (one.remedy or "")]) > 1


def test_a_finding_that_the_first_step_takes_away_says_so() -> None:
    types = (SNAPSHOTS / "redis-6.2.16-types.rdb").read_bytes()
    shown = " ".join(azure.lines(planned("amr-balanced-7.4", ("dump.rdb", types)))).split()
    assert "[AZ-ONE-DB]; step 1 takes it away" in " ".join(shown)


def test_force_prints_the_steps_behind_the_reason() -> None:
    for flag in ("--force", "--even-if-no"):
        code, shown = run("dump.rdb", "--target", "amr-balanced-7.4", *_flags(NO_REGION), flag)
        assert (code, BLOCKED[0] in shown, "2. Upload as block blob" in shown) == (1, True, True)


CODES = [
    ("redis-6.2.16-lru.rdb", "amr-balanced-7.2", 0),
    ("redis-6.2.16-types.rdb", "amr-balanced-7.2", 10),
    ("redis-6.2.16-lru.rdb", "acr-basic-6.0", 1),
]


@pytest.mark.parametrize("form", ["text", "json", "sh"])
@pytest.mark.parametrize(("file", "target", "code"), CODES, ids=["yes", "after", "no"])
def test_exit_codes_are_those_of_compat(file: str, target: str, code: int, form: str) -> None:
    assert run(str(SNAPSHOTS / file), "--target", target, "--format", form)[0] == code


def test_what_nobody_told_is_named_by_its_flag() -> None:
    shown = " ".join(run("dump.rdb", "--target", "amr-balanced-7.4", "--sku", "B10")[1])
    assert "--cache-region, --storage-region," in shown
    assert "--sku" not in shown


def test_sources_are_listed_when_they_are_asked_for() -> None:
    words = ("dump.rdb", "--target", "amr-balanced-7.4")
    assert "Sources" not in run(*words)[1]
    shown = run(*words, "--sources")[1]
    assert "   sources: azcli, seed, az-blob-roles, azcli-ent-run" in shown
    assert "  azcli: az storage, az role, az redis: parameters as each command's --help" in shown


def test_a_sas_is_never_shown() -> None:
    for form in ("text", "json", "sh"):
        words = ("dump.rdb", "--target", "amr-balanced-7.4", "--sas", SAS, "--format", form)
        assert "c2VjcmV0" not in "\n".join(run(*words)[1])


# --- JSON -----------------------------------------------------------------------------------------------


def test_json_has_the_answer_and_the_steps_with_both_shells() -> None:
    shown = json.loads("\n".join(run("dump.rdb", "--target", "amr-flash-7.4", "--format", "json")[1]))
    fields = ["schema", "operation", "files", "target", "loads", "left_out", "findings", "questions", "steps"]
    assert (list(shown), shown["schema"], shown["loads"]) == (fields, 1, "yes")
    (importing,) = (one for one in shown["steps"] if one["kind"] == "import")
    assert importing["commands"]["bash"] == [
        {
            "line": "az redisenterprise database import --cluster-name '<cache-name>' "
            "--resource-group '<resource-group>' --sas-uris \"$IMPORT_SAS\"",
            "source": "azcli-ent-run",
        }
    ]
    assert importing["commands"]["powershell"][0]["source"] == "azps"
    assert {source["id"] for source in importing["sources"]} >= {"azcli-ent-run", "azps", "seed"}


def test_json_of_a_no_has_its_findings_and_no_steps() -> None:
    code, shown = run("dump.rdb", "--target", "acr-basic-6.0", "--format", "json")
    told = json.loads("\n".join(shown))
    assert (code, told["loads"], told["steps"], told["findings"][0]["id"]) == (1, "no", [], "AZ-TIER-ACR")


def test_an_export_needs_no_file() -> None:
    code, shown = run("--operation", "export", "--target", "amr-balanced-7.4", "--format", "json")
    told = json.loads("\n".join(shown))
    assert (code, told["operation"], told["files"]) == (0, "export", [])
    assert run("--operation", "export", "--target", "amr-balanced-7.4")[1][0] == (
        "Export of Azure Managed Redis 7.4, Balanced   OPEN: 6 questions"
    )


USAGE = [
    (("x.rdb", "--target", "amr-balance-7.2"), "unknown target 'amr-balance-7.2', "),
    (("x.rdb", "--target", "redis-7.2"), "--target redis-7.2 is none of Azure's: one of acr-"),
    (("-", "--target", "amr-balanced-7.4"), "a plan needs the names of files, stdin has none"),
    (("--target", "amr-balanced-7.4"), "a FILE is needed, or --operation export"),
    (
        ("x.rdb", "--target", "amr-balanced-7.4", "--operation", "export"),
        "an export takes no FILE: it makes them",
    ),
]


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_what_cannot_be_planned_is_a_usage_error(words: tuple[str, ...], message: str) -> None:
    done = run_cli("azure", "plan", *words)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[0].partition("error: ")[2].startswith(message)


def test_a_file_that_cannot_be_read_gets_no_plan(tmp_path: Path) -> None:
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(DATA[:300])
    done = run_cli("azure", "plan", "--no-progress", "dump.rdb", cut, "--target", "amr-balanced-7.4")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(f"{cut}: offset ".encode())
    assert run_cli("azure", "plan", tmp_path / "none", "--target", "amr-balanced-7.4").returncode == 4


# --- the script -----------------------------------------------------------------------------------------

SCRIPT = """\
#!/usr/bin/env bash
# dump.rdb -> Azure Managed Redis 7.4, Balanced   YES
# It needs az, signed in (az login), and redis-cli for the last step.
set -euo pipefail

# Names. What is not known yet is taken from the environment.
CACHE_NAME="${CACHE_NAME:?is not set: the cache name}"
RESOURCE_GROUP='my group'
STORAGE_ACCOUNT=acct
CONTAINER=box
"""


def test_a_script_has_its_names_at_the_top() -> None:
    names = Names(resource_group="my group", storage_account="acct", container="box")
    text = "\n".join(script(planned(names=names, **TOLD)))
    assert text[: len(SCRIPT)] == SCRIPT
    assert 'az storage container create --name "$CONTAINER"' in text


def test_a_script_asks_before_it_deletes_and_signs_for_the_time_it_runs_at() -> None:
    text = "\n".join(script(planned(**TOLD)))
    asks = text.index('read -rp "This deletes what is in $CACHE_NAME. Type yes to go on: " CONFIRM')
    assert asks < text.index("az redisenterprise database import")
    assert '--start "$SAS_START"' in text
    assert "2026-11-23" not in text
    assert "CONFIRM" not in "\n".join(script(exported()))


def test_a_script_of_a_no_says_why_and_ends_with_1() -> None:
    text = "\n".join(script(planned(**NO_REGION)))
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "dump.rdb -> Azure Managed Redis 7.4, Balanced   NO: 1 reason"


def test_a_script_without_its_names_does_nothing(tmp_path: Path) -> None:
    done = run_script(planned(**TOLD), tmp_path)
    assert done.returncode == 1
    assert "CACHE_NAME: is not set: the cache name" in done.stderr
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize("operation", ["import", "export"])
def test_a_script_runs_its_commands_in_order(operation: str, tmp_path: Path) -> None:
    found = planned(**TOLD) if operation == "import" else exported()
    names = {"CACHE_NAME": "c 1", "RESOURCE_GROUP": "r;g", "STORAGE_ACCOUNT": "acct", "CONTAINER": "box"}
    done = run_script(found, tmp_path, CONFIRM="yes", **names)
    assert (done.returncode, done.stderr) == (0, "")
    calls = [shlex.split(call) for call in (tmp_path / "calls").read_text().splitlines()]
    commands = [" ".join(word for word in call[:5] if not word.startswith("-")) for call in calls]
    assert commands[0] == "az storage container create"
    (done_with,) = (call for call in calls if call[-2].startswith("--sas-uri"))
    place = ["--cluster-name", "c 1", "--resource-group", "r;g"]
    uris = {"import": ["--sas-uris", "said"], "export": ["--sas-uri", f"{BOX}?said"]}
    assert done_with[4:] == [*place, *uris[operation]]
    (signed,) = (call for call in calls if "--expiry" in call)
    times = [signed[signed.index(flag) + 1] for flag in ("--start", "--expiry")]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\dZ", time) for time in times)
    assert times[0] < times[1]


BOX = "https://acct.blob.core.windows.net/box"
# Writes down what it was called with, and says a word, as commands do whose output is kept.
STAND_IN = """#!/usr/bin/env bash
printf '%q ' "$(basename "$0")" "$@" >> "$CALLS"; echo >> "$CALLS"; echo said
"""


def run_script(found: Plan, folder: Path, **names: str) -> subprocess.CompletedProcess[str]:
    for name in ("az", "redis-cli"):
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls"), **names}
    text = "\n".join(script(found))
    return subprocess.run(
        ["bash", "-c", text], env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_shellcheck_has_nothing_to_say_of_any_script(tmp_path: Path) -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        assert not os.environ.get("CI"), "CI installs shellcheck"
        pytest.skip("no shellcheck here")
    texts = {"\n".join(script(found)) + "\n" for found in (*plans(), planned(**NO_REGION))}
    for at, text in enumerate(sorted(texts)):
        (tmp_path / f"{at}.sh").write_text(text)
    done = subprocess.run([shellcheck, *tmp_path.glob("*.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(texts) > 20) == (0, "", True)


# `Parser` is what PowerShell reads commands with; its errors are those of the grammar.
PARSE = """
$errors = $null
$text = [Console]::In.ReadToEnd()
[System.Management.Automation.Language.Parser]::ParseInput($text, [ref]$null, [ref]$errors) | Out-Null
$errors | ForEach-Object { $_.Message }
"""


def test_powershell_reads_every_command(tmp_path: Path) -> None:
    pwsh = shutil.which("pwsh")
    if pwsh is None:
        pytest.skip("no pwsh here: no package registry of ours carries it")
    commands = {
        "\n".join(lines(command, "powershell", 80))
        for found in plans()
        for each in found.steps
        for command in each.commands
        if command.is_for("powershell")
    }
    text = "\n".join(sorted(commands))
    done = subprocess.run([pwsh, "-c", PARSE], input=text, capture_output=True, text=True, check=True)
    assert done.stdout == ""


# --- shells -----------------------------------------------------------------------------------------------

NASTY = [
    "a b",
    "a;rm -rf x",
    "it's",
    'say "x"',
    "$HOME",
    "`id`",
    "a&b",
    "<x>",
    "",
    "a\nb",
    "ünï",
    "\u2019; id",
]


@every("word", NASTY)
def test_bash_reads_a_word_as_it_was(word: str) -> None:
    command = Command(("printf", "%s|", word, Variables(("ONE", "TWO")), Name("A", word, "a")), "")
    text = "\n".join(lines(command, "bash", 20))
    env = {**os.environ, "ONE": "1 &", "TWO": "*"}
    done = subprocess.run(["bash", "-c", text], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{word}|1 &|*|{word}|"


@every("word", NASTY)
def test_bash_keeps_what_a_command_says_behind_an_address(word: str) -> None:
    box = Address(("https://h/", Name("BOX", word, "box"), "?"))
    command = Command(("printf", "%s", "st=1&sig=x"), "", into="SAS", prefix=box)
    for text in (line(command, "bash"), f"BOX={shlex.quote(word)}\n{line(command, 'bash', script=True)}"):
        done = subprocess.run(
            ["bash", "-c", f'{text}\nprintf "%s" "$SAS"'], capture_output=True, text=True, check=True
        )
        assert done.stdout in (f"{box}st=1&sig=x", f"https://h/{word}?st=1&sig=x")


def test_powershell_words_stand_in_single_quotes_with_quotes_doubled() -> None:
    shown = {
        word: line(Command((word,), ""), "powershell")
        for word in ("a-1.rdb", "a b", "it's", "\u2019", "$x", "@a")
    }
    assert shown == {
        "a-1.rdb": "a-1.rdb",
        "a b": "'a b'",
        "it's": "'it''s'",
        "\u2019": "'\u2019\u2019'",
        "$x": "'$x'",
        "@a": "'@a'",
    }


def test_arrays_and_asking_and_long_lines() -> None:
    both = Array((Address(("https://h/", "a")), "b c"))
    assert line(Command(("X", both), ""), "powershell") == "X @(https://h/a, 'b c')"
    assert line(Ask("SAS"), "bash") == "read -rsp 'SAS: ' SAS"
    command = Command(("az", "x", "--name", "a" * 30, "--files", "b" * 30, "c" * 30), "")
    assert list(lines(command, "bash", 40)) == [
        "az x \\",
        f"  --name {'a' * 30} \\",
        f"  --files {'b' * 30} \\",
        f"  {'c' * 30}",
    ]
    assert next(lines(command, "powershell", 40)) == "az x `"


def test_names_of_the_user_are_quoted_everywhere() -> None:
    names = Names("r;g", "d b", "a&c", "c|t", "p$x/")
    found = planned("amr-balanced-7.4", ("my dump.rdb", DATA), names=names, blob_type="page")
    for kind in kinds(found):
        for command in step(found, kind).commands:
            if isinstance(command, Command) and command.is_for("bash"):
                _reads_back(command)


def _reads_back(command: Command) -> None:
    words = shlex.split(line(command._replace(into=None, prefix=None), "bash"))
    meant = [str(word) if not isinstance(word, Variables) else f"${word.names[0]}" for word in command.words]
    assert words == meant


def test_there_is_no_target_without_a_plan_or_a_reason() -> None:
    for target in (*MANAGED, *ENTERPRISE, *PREMIUM, *NO_IMPORT):
        found = planned(target, although=True)
        assert {"import"} <= {*kinds(found)}
        assert all(shell in SHELLS for shell in found.shells)


def test_without_a_target_all_kinds_of_azure_are_named() -> None:
    told = run_cli("azure", "plan", "x.rdb").stderr.decode().splitlines()[0]
    head, _, kinds = told.partition("--target is needed: one of ")
    found = [find(kind) for kind in kinds.partition(", or ")[0].split(", ")]
    assert (head, {target.family for target in found}) == ("rdbcodec azure plan: error: ", {"azure"})
    assert {target.id for target in found} >= {"acr-premium-6.0", "amr-balanced-7.4"}
