"""Plans for Azure: what is decided, and commands that a shell reads as they are meant."""

from __future__ import annotations

import calendar
import gzip
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lz4.frame
import pytest

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import Plan, Step, plan
from rdbcodec.compat.azure.shells import SHELLS, Ask, Command, Shell, Variables, line
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.signed_uri import parse
from rdbcodec.compat.target import find, targets
from rdbcodec.facts.profile import profile

ROOT = Path(__file__).parents[2]
TYPES = ROOT / "fixtures" / "snapshots" / "redis-6.2.16-types.rdb"
DATA = TYPES.read_bytes()
ALIGNED = DATA + bytes(-len(DATA) % 512)
NOW_MS = calendar.timegm((2026, 11, 22, 18, 0, 0)) * 1000
SAS = "https://acct.blob.core.windows.net/box/mine.rdb?sv=2024-08-04&se=2026-11-23&sr=b&sp=r&sig=c2VjcmV0"

ENTERPRISE = [name for name in targets() if name.startswith(("amr-", "acr-enterprise"))]
PREMIUM = [name for name in targets() if name.startswith("acr-premium")]
NO_IMPORT = [name for name in targets() if name.startswith(("acr-basic", "acr-standard"))]


def planned(
    target: str = "amr-balanced-7.2",
    *files: tuple[str, bytes],
    names: Names = Names(),  # noqa: B008 - a tuple
    **told: object,
) -> Plan:
    profiles = {}
    for name, data in files or (("dump.rdb", DATA),):
        with rdbcodec.open(data) as reader:
            profiles[name] = profile(reader, now_ms=NOW_MS)
    circumstances = Circumstances(now_ms=NOW_MS).merged(told)
    return plan(profiles, find(target), circumstances, names)


def commands(found: Plan, shell: Shell = "bash") -> list[str]:
    return [line(command, shell) for step in found.steps for command in _for(step, shell)]


def _for(step: Step, shell: Shell) -> Iterable[Command | Ask]:
    return (one for one in step.commands if isinstance(one, Ask) or one.only in (None, shell))


def titles(found: Plan) -> list[str]:
    return [step.title for step in found.steps]


def noted(found: Plan) -> dict[str, str]:
    return {note.id: f"{note.severity}: {note.says}" for note in found.notes}


def test_there_are_targets_of_each_service() -> None:
    assert (len(ENTERPRISE) >= 12, len(PREMIUM) >= 2, len(NO_IMPORT) >= 2) == (True, True, True)


# --- what is run (FAQ "Can I automate Import/Export ...", compat-facts 1.2) ----------------------------

UPLOAD = (
    "az storage blob upload --account-name '<storage-account>' --container-name '<container>' "
    "--name dump.rdb --file dump.rdb --type block --auth-mode login"
)
SIGN = (
    "az storage blob generate-sas --account-name '<storage-account>' --container-name '<container>' "
    "--name dump.rdb --permissions r --expiry 2026-11-23T18:00Z --https-only --full-uri --output tsv"
)


@pytest.mark.parametrize("target", ENTERPRISE)
def test_managed_redis_and_enterprise_import_with_redisenterprise(target: str) -> None:
    found = planned(target)
    where = "'<cache-name>' --resource-group '<resource-group>'"
    assert commands(found) == [
        f"rdbcodec compat dump.rdb --target {target}",
        UPLOAD,
        f'IMPORT_SAS="$({SIGN})"',
        f'az redisenterprise database import --cluster-name {where} --sas-uris "$IMPORT_SAS"',
    ]
    cmdlet = "Import-AzRedisEnterpriseCache -ClusterName '<cache-name>' -ResourceGroupName '<resource-group>'"
    assert commands(found, "powershell")[2:] == [
        f"$env:IMPORT_SAS = {SIGN}",
        f"{cmdlet} -SasUri @($env:IMPORT_SAS)",
    ]
    assert (found.notes, found.is_possible) == ((), True)


@pytest.mark.parametrize("target", PREMIUM)
def test_premium_imports_with_az_redis(target: str) -> None:
    found = planned(target, cluster_name="mine", names=Names(resource_group="rg"))
    assert commands(found)[-1] == 'az redis import --name mine --resource-group rg --files "$IMPORT_SAS"'
    assert commands(found, "powershell")[-1] == "Import-AzRedisCache -Name mine -Files @($env:IMPORT_SAS)"


@pytest.mark.parametrize("target", NO_IMPORT)
def test_basic_and_standard_have_no_import_and_no_steps(target: str) -> None:
    found = planned(target)
    says = "has no import; Premium, Enterprise and Azure Managed Redis have one"
    assert noted(found) == {"AZ-TIER-ACR": f"blocker: {find(target).name} {says}"}
    assert (found.steps, found.is_possible) == ((), False)


def test_the_database_is_named_when_the_user_names_it() -> None:
    found = planned(names=Names(database="default"))
    assert "--database-name default --sas-uris" in commands(found)[-1]


def test_the_channel_chooses_the_shell() -> None:
    assert planned().shells == SHELLS
    assert planned(channel="cli").shells == ("bash",)
    assert planned(channel="powershell").shells == ("powershell",)


def test_in_the_portal_nothing_is_signed_and_15_minutes_are_named() -> None:
    found = planned(channel="portal")
    assert titles(found)[1:] == ["Upload as block blob", "Import in the portal"]
    assert found.steps[-1].notes == (
        "open <cache-name>, then Import data, and choose <storage-account>, <container>, dump.rdb",
        "press Import within 15 minutes of opening the page; its SAS is too old after that",
    )


def test_every_command_says_where_its_parameters_come_from() -> None:
    steps = [*planned("acr-premium-6.0").steps, *planned(blob_type="page").steps]
    sources = {one.source for step in steps for one in step.commands if isinstance(one, Command)}
    assert sources == {"rdbcodec", "own knowledge", "azcli-ent", "azcli-redis", "azps"}


# --- page blobs and gzip (FAQ "Can I import data from any Redis server?"; Compatibility, bullet 1) -----


def test_a_page_blob_is_padded_when_it_is_not_whole_pages() -> None:
    assert len(DATA) % 512 != 0
    found = planned(blob_type="page")
    pad, upload = commands(found)[1:3]
    assert pad == "rdbcodec pad dump.rdb -o dump.padded.rdb"
    assert upload.endswith("--name dump.rdb --file dump.padded.rdb --type page --auth-mode login")


def test_a_page_blob_of_whole_pages_and_a_block_blob_are_not_padded() -> None:
    whole = planned("amr-balanced-7.2", ("dump.rdb", ALIGNED), blob_type="page")
    assert titles(whole)[1] == "Upload as page blob"
    assert titles(planned(blob_type="block"))[1] == "Upload as block blob"


def test_an_append_blob_cannot_be_imported() -> None:
    found = planned(blob_type="append")
    says = "blocker: an import reads page and block blobs, this is an append blob"
    assert (noted(found), found.steps) == ({"AZ-BLOB-IMPORT": says}, ())


def test_gzip_goes_to_managed_redis_as_it_is() -> None:
    found = planned("amr-balanced-7.2", ("dump.rdb.gz", gzip.compress(DATA)))
    assert titles(found)[1] == "Upload as block blob"
    assert "--name dump.rdb.gz --file dump.rdb.gz " in commands(found)[1]


def test_gzip_is_decompressed_for_premium() -> None:
    found = planned("acr-premium-6.0", ("a/dump.rdb.gz", gzip.compress(DATA)), blob_type="page")
    assert commands(found)[1:3] == [
        "gzip --decompress --keep a/dump.rdb.gz",
        "rdbcodec pad a/dump.rdb -o a/dump.padded.rdb",
    ]
    assert commands(found, "powershell")[1] == "python -m gzip --decompress a/dump.rdb.gz"
    assert "--name dump.rdb --file a/dump.padded.rdb" in commands(found)[3]


def test_gzip_under_another_name_is_to_be_renamed() -> None:
    found = planned("acr-premium-6.0", ("dump", gzip.compress(DATA)))
    says = "warning: dump is gzip: call it dump.gz before the steps, which need that ending"
    assert noted(found) == {"PLAN-GZIP-NAME": says}
    assert commands(found)[1] == "gzip --decompress --keep dump.gz"


def test_padded_gzip_is_unknown_to_everybody() -> None:
    found = planned("amr-balanced-7.2", ("d.gz", gzip.compress(DATA)), blob_type="page")
    says = "unknown: nobody says whether zeros behind the gzip d.gz are read; a block blob needs none"
    assert noted(found) == {"PLAN-GZIP-PAGE": says}


def test_files_no_importer_reads_get_no_steps() -> None:
    packed = planned("amr-balanced-7.2", ("d.lz4", lz4.frame.compress(DATA)))
    says = "blocker: d.lz4 is wrapped in lz4, an import reads snapshots and their gzip"
    assert (noted(packed), packed.steps) == ({"PLAN-WRAPPED": says}, ())
    aof = planned("amr-balanced-7.2", ("d.aof", DATA + b"*1\r\n$4\r\nPING\r\n"))
    says = "blocker: AOF commands follow the snapshot in d.aof, an import would not replay them"
    assert (noted(aof), aof.steps) == ({"PLAN-AOF": says}, ())


def test_other_bytes_behind_the_snapshot_are_unknown_and_zeros_are_fine() -> None:
    says = "unknown: other bytes after the snapshot in d: nobody says what an import does with that"
    assert noted(planned("amr-balanced-7.2", ("d", DATA + b"x"))) == {"G-TRAIL": says}
    assert noted(planned("amr-balanced-7.2", ("d", ALIGNED))) == {}


# --- several files (Import, steps 1 and 4; Export, step 4) --------------------------------------------


def test_several_files_go_into_one_import() -> None:
    found = planned("amr-balanced-7.2", ("x/dump.rdb", DATA), ("y/dump.rdb", DATA), ("b.rdb", DATA))
    assert [command.split(" --name ")[1].split()[0] for command in commands(found)[1:4]] == [
        "1-dump.rdb",
        "2-dump.rdb",
        "b.rdb",
    ]
    assert commands(found)[-1].endswith('--sas-uris "$IMPORT_SAS_1" "$IMPORT_SAS_2" "$IMPORT_SAS_3"')
    assert commands(found, "powershell")[-1].endswith(
        "-SasUri @($env:IMPORT_SAS_1, $env:IMPORT_SAS_2, $env:IMPORT_SAS_3)"
    )
    assert found.steps[-1].notes[-1] == (
        "all files go into one import: a second one would delete what the first brought"
    )


def test_a_prefix_stands_before_each_blob() -> None:
    found = planned(names=Names(blob_prefix="night/"))
    assert " --name night/dump.rdb --file dump.rdb " in commands(found)[1]


# --- SAS and identity ---------------------------------------------------------------------------------


def test_a_users_sas_names_account_container_and_blob_and_is_asked_for() -> None:
    found = planned(sas=(parse(SAS),))
    assert commands(found)[1].startswith(
        "az storage blob upload --account-name acct --container-name box --name mine.rdb --file dump.rdb"
    )
    assert commands(found)[2] == "read -rsp 'IMPORT_SAS: ' IMPORT_SAS"
    assert commands(found, "powershell")[2] == "$env:IMPORT_SAS = Read-Host 'IMPORT_SAS'"


def test_a_sas_in_the_environment_is_referred_to() -> None:
    found = planned(sas=(parse(SAS),), names=Names(sas_variables=("MINE",)))
    assert titles(found)[2] == "Nothing to sign: MINE will be used"
    assert commands(found)[-1].endswith('--sas-uris "$MINE"')


def test_a_sas_that_ends_in_59_minutes_is_a_blocker_and_in_61_none() -> None:
    late, fine = (SAS.replace("2026-11-23", f"2026-11-22T{time}Z") for time in ("18:59", "19:01"))
    assert not planned(sas=(parse(late),)).is_possible
    assert planned(sas=(parse(fine),)).is_possible
    assert list(noted(planned(sas=(parse(late),)))) == ["AZ-SAS-SE"]


def test_one_sas_for_two_files_is_a_warning() -> None:
    found = planned("amr-balanced-7.2", ("a", DATA), ("b", DATA), sas=(parse(SAS),))
    assert noted(found) == {"PLAN-SAS-COUNT": "warning: 1 SAS for 2 files, each blob needs one"}


def test_a_managed_identity_is_for_the_portal_on_managed_redis() -> None:
    says = "warning: the command line takes SAS URIs only; a managed identity works in the portal"
    told: dict[str, Any] = {
        "authentication": "managed-identity",
        "storage_subscription": "s2",
        "cache_subscription": "s1",
    }
    assert noted(planned(channel="cli", **told)) == {"AZ-MI-CLI": says}
    portal = planned(channel="portal", **told)
    assert noted(portal) == {}
    assert portal.steps[-1].notes[-1] == "choose the subscription s2 in the dialog"


def test_premium_takes_a_managed_identity_and_another_subscription_by_command() -> None:
    told = {"authentication": "managed-identity", "storage_subscription": "s2", "cache_subscription": "s1"}
    found = planned("acr-premium-6.0", names=Names(storage_account="acct", container="box"), **told)
    address = "https://acct.blob.core.windows.net/box/dump.rdb"
    assert commands(found)[2] == (
        "az redis import --name '<cache-name>' --resource-group '<resource-group>' "
        f"--files {address} --auth-method ManagedIdentity --storage-sub-id s2"
    )
    assert commands(found, "powershell")[2] == (
        f"Import-AzRedisCache -Name '<cache-name>' -Files {address} "
        "-PreferredDataArchiveAuthMethod ManagedIdentity -StorageSubscriptionId s2"
    )


def test_a_name_no_cache_can_have_is_a_warning() -> None:
    good = planned(cluster_name="a-1" * 20)
    assert noted(good) == {}
    for name in ("a" * 61, "-a", "a--b", "a_b"):
        says = f"warning: {name!r} is no name of a cache: letters, digits, single hyphens, up to 60"
        assert noted(planned(cluster_name=name)) == {"AZ-CLUSTERNAME": says}


# --- what will happen (Import, step 5; FAQ "Is my cache available ...") --------------------------------


def happens(found: Plan) -> dict[str, str]:
    return {note.id: f"{note.severity}: {note.says}" for note in found.consequences}


def test_an_import_deletes_takes_the_cache_away_and_has_no_known_duration() -> None:
    told = happens(planned())
    assert told["AZ-WIPE"] == "warning: it deletes everything that is in the cache now"
    assert told["AZ-OFFLINE"] == "warning: clients cannot use the cache from its start to its end"
    assert told["PLAN-TIME"] == "unknown: no source says how long it takes; it grows with the data"
    assert sorted(told) == ["AZ-ACTLOG", "AZ-OFFLINE", "AZ-SNAPSHOT", "AZ-WIPE", "PLAN-TIME"]
    assert "AZ-ACTLOG" not in happens(planned("acr-premium-6.0"))


def test_a_target_that_is_not_empty_is_spoken_of() -> None:
    says = (
        "it deletes everything that is in the cache now, which is not empty: export it first if it is needed"
    )
    assert happens(planned(target_empty=False))["AZ-WIPE"] == f"warning: {says}"


def test_the_age_of_the_snapshot_is_told_and_no_calendar_is_needed_for_it() -> None:
    says = "the cache will hold the state{}: what was written later is not in the snapshot"
    made = b"REDIS0009\xfa\x05ctime\x0a1795355632\xff" + bytes(8)
    odd = b"REDIS0009\xfa\x05ctime\x129" + b"9" * 17 + b"\xff" + bytes(8)
    bare = b"REDIS0006\xff" + bytes(8)
    ages = [happens(planned("amr-balanced-7.2", ("d", data)))["AZ-SNAPSHOT"] for data in (made, odd, bare)]
    times = (" of 2026-11-22T13:53Z", f" of {'9' * 18}000 ms", "")
    assert ages == [f"info: {says.format(time)}" for time in times]


def test_an_exports_other_files_are_asked_for() -> None:
    says = "info: an export is several files of one prefix: keys of a file left out are missing"
    assert happens(planned(source_kind="export"))["AZ-PREFIX"] == says


# --- shells -------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("word", NASTY)
def test_bash_reads_a_word_as_it_was(word: str) -> None:
    text = line(Command(("printf", "%s|", word, Variables(("ONE", "TWO"))), ""), "bash")
    done = subprocess.run(
        ["bash", "-c", text],
        env={**os.environ, "ONE": "1 &", "TWO": "*"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{word}|1 &|*|"


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


def test_names_of_the_user_are_quoted_everywhere() -> None:
    names = Names("r;g", "d b", "a&c", "c|t", "p$x/")
    for command in commands(
        planned("amr-balanced-7.2", ("my dump.rdb", DATA), names=names, blob_type="page")
    ):
        inner = command.removeprefix('IMPORT_SAS="$(').removesuffix(')"')
        for word in shlex.split(inner):
            assert word == "$IMPORT_SAS" or not set(word) & set(";&|$ ") or word in _meant(names)


def _meant(names: Names) -> set[str]:
    files = {"my dump.rdb", "my dump.padded.rdb", f"{names.blob_prefix}my dump.rdb"}
    return {word for word in names if isinstance(word, str)} | files


# --- the command --------------------------------------------------------------------------------------


def run(*words: str) -> int:
    return main(["azure", "plan", "--now", str(NOW_MS), "--no-progress", *words])


def test_a_plan_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        str(TYPES), "--target", "acr-premium-6.0", "--channel", "cli", "--sas", SAS, "--container", "own"
    )
    assert code == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:6] == [
        "Import of 1 file into Azure Cache for Redis 6.0, Premium",
        "",
        "1. Ask whether the target loads it",
        f"     rdbcodec compat {TYPES} --target acr-premium-6.0",
        "",
        "2. Upload as block blob",
    ]
    assert "--account-name acct --container-name own --name mine.rdb" in shown[6]
    assert (
        "   - our sources do not give the parameters of this command: compare them with its --help" in shown
    )
    assert not any("c2VjcmV0" in text for text in shown)


def test_a_plan_as_json_with_a_blocker_is_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(TYPES), "--target", "acr-basic-6.0", "--format", "json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == ["files", "target", "possible", "notes", "steps", "consequences"]
    assert (shown["possible"], shown["steps"], shown["notes"][0]["id"]) == (False, [], "AZ-TIER-ACR")


def test_json_has_the_commands_of_both_shells(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(TYPES), "--target", "amr-flash-7.4", "--format", "json") == 0
    last = json.loads(capsys.readouterr().out)["steps"][-1]
    assert (last["title"], sorted(last["commands"]), last["sources"]) == (
        "Import",
        ["bash", "powershell"],
        ["azcli-ent", "azps"],
    )


USAGE = [
    (("x.rdb", "--target", "amr-balance-7.2"), "unknown target 'amr-balance-7.2', did you mean "),
    (("x.rdb", "--target", "redis-7.2"), "argument --target: Redis 7.2 is none of Azure's"),
    (("-", "--target", "amr-balanced-7.2"), "a plan needs the names of files, stdin has none"),
    (
        ("x.rdb", "--target", "amr-balanced-7.2", "--operation", "export"),
        "a plan is for an import, the circumstances say export",
    ),
]


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_what_cannot_be_planned_is_a_usage_error(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*words)
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[0]
    assert last.partition("error: ")[2].startswith(message)


def test_a_file_that_cannot_be_read_gets_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(DATA[:2000])
    assert run(str(TYPES), str(cut), "--target", "amr-balanced-7.2") == 3
    said = f"{cut}: offset 2000: the file ends inside a record\n"
    hint = "hint: the file is cut: `salvage` saves what stands before the cut\n"
    assert capsys.readouterr() == ("", said + hint)
    assert run(str(tmp_path / "none"), "--target", "amr-balanced-7.2") == 4


def test_the_plans_own_pad_command_makes_the_page_blob_whole(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(DATA)
    pad = next(command for command in commands(planned(blob_type="page")) if " pad " in command)
    words = [sys.executable, "-m", *shlex.split(pad)]
    subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert (tmp_path / "dump.padded.rdb").read_bytes() == ALIGNED
