"""What a user puts in never comes out where it must not: signatures of a SAS, control characters."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from test_files import SNAPSHOT, Ran, ran, shell
from ways import pair, snapshot, string

from rdbcodec.cli.main import main
from rdbcodec.cli.screens import screens
from rdbcodec.compat.azure.shells import Command, line
from rdbcodec.showing import escaped, json_escaped, masked, name, path_word, shell_word

__all__ = ["ran"]  # a fixture

SECRET = "S3cret" + "Signature"
ADDRESS = (
    "https://acct.blob.core.windows.net/backups/dump.rdb?sv=2024-11-04&se=2030-01-01T00:00:00Z&sr=b&sp=r"
)
SPELLINGS = {
    "as Azure writes it": f"&sig={SECRET}%2Bab%3D",
    "in capitals": f"&SIG={SECRET}%2Bab%3D",
    "its first letter encoded": f"&%73ig={SECRET}%2Bab%3D",
    "its second letter encoded": f"&s%69G={SECRET}%2Bab%3D",
    "its equals sign encoded": f"&sig%3D{SECRET}%252Bab%253D",
    "encoded twice": f"%2526sig%253D{SECRET}%25252Bab",
    "all of it encoded twice": f"%2526%2573%2569%2567%253d{SECRET}",
    "as AWS calls it": f"&X-Amz-Signature={SECRET}",
    "as Google calls it": f"&X-Goog-Signature={SECRET}",
    "as a token of AWS": f"&X-Amz-Security-Token={SECRET}",
    "as a connection string": f";AccountKey={SECRET}==",
}
URL = ADDRESS + SPELLINGS["as Azure writes it"]

JUDGE = ("compat", "IN", "--target", "amr-balanced-7.4")
PLAN = ("azure", "plan", "IN", "--target", "amr-balanced-7.4")
# Words of a command; IN is a snapshot, OUT a path, URL a SAS, TOML a file with one in it.
PLACES = [
    *((verb, "URL") for verb in ("inspect", "check", "keys", "dump")),
    *((verb, "URL", "-o", "OUT") for verb in ("convert", "filter", "encode", "pad", "unpad", "keys", "dump")),
    *((verb, "IN", "-o", "URL") for verb in ("convert", "filter", "encode", "pad", "unpad", "keys", "dump")),
    *((verb, "IN", "-o", "dir/URL") for verb in ("convert", "encode", "pad", "dump")),
    ("compat", "URL", "--target", "redis-7.4"),
    ("compat", "URL"),
    ("azure", "plan", "URL", "--target", "amr-balanced-7.4"),
    *((*JUDGE, flag, "URL") for flag in ("--target", "--explain", "--circumstances", "--targets-file")),
    *((*JUDGE, flag, "URL") for flag in ("--profile-in", "--profile-out", "--format", "--sas-env", "--now")),
    *((*JUDGE, flag, "URL", "--verbose") for flag in ("--sku", "--sas", "--sas-uri", "--modules")),
    *(
        (*JUDGE, "--format", form, "--sku", "URL")
        for form in ("json", "markdown", "sarif", "junit", "github")
    ),
    *((*JUDGE, flag, "TOML") for flag in ("--circumstances", "--targets-file", "--profile-in")),
    *((*JUDGE, flag, "URL") for flag in ("--cluster-name", "--clusterr-name", "--sass", "--Sas", "-s")),
    *(
        (*PLAN, "--" + flag, "URL")
        for flag in ("storage-account", "container", "blob-prefix", "resource-group")
    ),
    *(
        (*PLAN, "--" + flag, "URL", "--format", "json")
        for flag in ("storage-account", "container", "blob-prefix")
    ),
    *(
        (*PLAN, "--" + flag, "URL", "--format", "sh", "--force")
        for flag in ("storage-account", "container", "blob-prefix", "resource-group", "database-name")
    ),
    *((*PLAN, "--" + flag, "URL") for flag in ("database-name", "sku", "sas-env", "sas", "circumstances")),
    *((verb, "IN", "URL") for verb in ("dump", "keys", "inspect", "check")),
    *((verb, "IN", "-o", "OUT", "--sas=URL") for verb in ("convert", "filter", "pad")),
    *(
        ("convert", "IN", "-o", "OUT", flag, "URL")
        for flag in ("--to", "--rdb-version", "--modules", "--set")
    ),
    *(("convert", "IN", "-o", "OUT", flag, "URL") for flag in ("--fold-databases", "--compress")),
    *(
        ("dump", "IN", flag, "URL")
        for flag in ("--format", "--type", "--ttl", "--size", "--slot", "--key-re", "--db")
    ),
    ("URL",),
    ("azure", "URL"),
    ("--URL",),
]


def test_there_are_more_than_60_places() -> None:
    assert len(set(PLACES)) > 60


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in.rdb").write_bytes(SNAPSHOT.read_bytes())
    (tmp_path / "facts.toml").write_text(f'sku = "{URL}"\nURL = "{URL}"\n"{URL}" = 1\n')
    return tmp_path


def words_of(place: tuple[str, ...], folder: Path, url: str) -> list[str]:
    paths = {"IN": "in.rdb", "OUT": "out.rdb", "TOML": "facts.toml"}
    words = [str(folder / paths[word]) if word in paths else word for word in place]
    return [word.replace("URL", url) for word in words]


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with suppress(SystemExit):
        main(words)
    out, err = capsys.readouterr()
    assert out + err != ""
    return out + err


@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_a_signature_is_printed_nowhere(
    words: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert SECRET not in said(words_of(words, place, URL), capsys)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("words", [("inspect", "URL"), ("convert", "IN", "-o", "OUT", "--sass", "URL")])
def test_nor_in_another_spelling(
    spelling: str, words: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SECRET not in said(words_of(words, place, ADDRESS + spelling), capsys)


# wget names a file so, when it is not told otherwise.
DOWNLOADED = f"dump.rdb?sv=2024-11-04&sig={SECRET}%3D"
REPORTS = [
    ("inspect",),
    ("inspect", "--format", "json"),
    ("check",),
    ("check", "--format", "json"),
    ("compat", "--target", "redis-2.4", "--verbose"),
    ("compat", "--target", "redis-2.4", "--format", "json"),
    ("compat", "--target", "redis-2.4"),
    *(
        ("compat", "--target", "redis-2.4", "--format", form)
        for form in ("markdown", "sarif", "junit", "github")
    ),
    ("compat", "--all"),
    ("azure", "plan", "--target", "amr-balanced-7.4"),
    ("azure", "plan", "--target", "amr-balanced-7.4", "--format", "json"),
    ("azure", "plan", "--target", "amr-balanced-7.4", "--format", "sh", "--force"),
    ("convert", "--to", "redis-2.4", "-o", "out.rdb"),
    ("convert", "--to", "redis-2.4", "-o", "out.rdb", "--format", "json"),
    ("convert", "-o", DOWNLOADED + ".2"),
    ("filter", "--type", "list", "-o", DOWNLOADED + ".2", "--format", "json"),
    ("pad", "-o", DOWNLOADED + ".2"),
    ("encode", "-o", "out.rdb"),
    ("dump", "--format", "resp", "--to-version", "1", "-o", "out"),
    ("filter", "-o", "./" + DOWNLOADED, "--force"),
]


@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "damaged"])
@pytest.mark.parametrize("words", REPORTS, ids=" ".join)
def test_a_signature_in_the_name_of_a_file_is_in_no_report(
    words: tuple[str, ...],
    damaged: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(DOWNLOADED).write_bytes(SNAPSHOT.read_bytes()[: 5000 if damaged else None])
    head, rest = (words[:2], words[2:]) if words[0] == "azure" else (words[:1], words[1:])
    assert SECRET not in said([*head, DOWNLOADED, *rest], capsys)


def test_a_narrow_terminal_does_not_break_a_signature_in_two(tmp_path: Path) -> None:
    """Half a signature is no `sig=` any more: it is masked before it is laid out."""
    path = tmp_path / DOWNLOADED
    path.write_bytes(SNAPSHOT.read_bytes())
    program = (
        "import os, pty, sys; os.environ.update(TERM='xterm', COLUMNS='30');"
        f"sys.exit(pty.spawn([sys.executable, '-m', 'rdbcodec', 'inspect', {str(path)!r}]) >> 8)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    shown = done.stdout.replace(b"\r\n", b"")
    assert b"Keys by type" in shown
    assert SECRET[:6].encode() not in shown
    assert SECRET[6:].encode() not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sig=abc", "sig=..."),
        ("?a=1&sig=abc%3D&b=2", "?a=1&sig=...&b=2"),
        ("'https://h/?SIG=abc' x", "'https://h/?SIG=...' x"),
        ("design=1 assign=2", "design=1 assign=2"),
        ("redis://user:pass@host/0", "redis://...@host/0"),
        ("https://host/a@b", "https://host/a@b"),
        ("%", "%"),
    ],
)
def test_what_masking_leaves(text: str, shown: str) -> None:
    assert masked(text) == shown


# --- control characters -----------------------------------------------------------------------------

UGLY = "a\x1b[31m\n\x9b\u202e b'$(c)\udcff.rdb"
UGLY_SHOWN = "a\\x1b[31m\\n\\x9b\\u202e b'$(c)\\xff.rdb"


def test_a_name_is_printable_and_one_line() -> None:
    assert name(UGLY) == escaped(UGLY) == UGLY_SHOWN
    assert name("ключ 日本.rdb") == "ключ 日本.rdb"


@pytest.mark.parametrize("words", [words for words in REPORTS if "sig=" not in "".join(words)], ids=" ".join)
def test_no_report_obeys_the_name_of_a_file(
    words: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(UGLY).write_bytes(SNAPSHOT.read_bytes())
    head, rest = (words[:2], words[2:]) if words[0] == "azure" else (words[:1], words[1:])
    text = said([*head, UGLY, *rest], capsys)
    assert {char for char in text if not char.isprintable()} <= {"\n"}
    if "json" in words:
        document, _ = json.JSONDecoder().raw_decode(text)  # stderr follows
        document = document[0] if words[0] == "compat" else document
        assert document.get("file", document.get("files", [UGLY])) in (UGLY, [UGLY])


def test_a_terminal_shows_markup_as_it_is(tmp_path: Path) -> None:
    """rich takes [/x] for the end of a style, and there is none."""
    path = tmp_path / "[bold]a[" / "x].rdb"
    path.parent.mkdir()
    path.write_bytes(SNAPSHOT.read_bytes())
    program = (
        "import os, pty, sys; os.environ.update(TERM='xterm', COLUMNS='200');"
        f"sys.exit(pty.spawn([sys.executable, '-m', 'rdbcodec', 'inspect', {str(path)!r}]) >> 8)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    assert b"[bold]a[/x].rdb" in done.stdout


def read_by_bash(line: str) -> list[str]:
    """The words that bash makes of a line."""
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


@pytest.mark.parametrize("path", ["-dash.rdb", "./-dash.rdb", UGLY, "a b", "'", "\\", "$HOME", "ключ"])
def test_a_remedy_runs_as_it_is_printed(
    path: str, tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).write_bytes(SNAPSHOT.read_bytes())
    words = read_by_bash(f"compat {path_word(path)} --target redis-2.4 --format json")
    findings = json.loads(ran(*words)[1])[0]["verdicts"][0]["findings"]
    command = next(one["remedy"] for one in findings if (one["remedy"] or "").startswith("rdbcodec convert"))
    assert command.isprintable()
    command = command.split(" would lose data")[0].removeprefix("rdbcodec")
    assert ran(*read_by_bash(f"{command} --allow-loss"))[0] == 0
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("word", "bash", "powershell"),
    [
        ("plain", "plain", "plain"),
        ("a b", "'a b'", "'a b'"),
        ("it's\n", "$'it\\'s\\x0a'", '"it\'s$([char]0xa)"'),
        ("\x1b`$", "$'\\x1b`$'", '"$([char]0x1b)```$"'),
    ],
)
def test_shells_get_words_that_a_person_can_see(word: str, bash: str, powershell: str) -> None:
    assert line(Command((word,), ""), "bash") == shell_word(word) == bash
    assert line(Command((word,), ""), "powershell") == powershell
    done = subprocess.run(["bash", "-c", f"printf %s {bash}"], capture_output=True, text=True, check=True)
    assert done.stdout == word
    if word.isprintable():
        assert bash == shlex.quote(word)


# --- encodings --------------------------------------------------------------------------------------

UNICODE = "ключ-日本-😀"


@pytest.fixture
def unicode_snapshot(tmp_path: Path) -> Path:
    path = tmp_path / f"{UNICODE}.rdb"
    path.write_bytes(snapshot(pair(0, string(b"v"), UNICODE.encode())))
    return path


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_what_an_encoding_does_not_have_is_escaped(encoding: str, unicode_snapshot: Path) -> None:
    command = f"PYTHONIOENCODING={encoding} R inspect {shlex.quote(str(unicode_snapshot))}"
    code, out, err = shell(command)
    assert (code, err) == (0, "")
    shown = UNICODE if encoding == "utf-8" else UNICODE.encode("ascii", "backslashreplace").decode()
    assert out.count(shown) == 2  # the file and the key
    code, out, err = shell(f"{command} --format json")
    assert (code, err) == (0, "")
    assert out.isascii() == (encoding != "utf-8")
    document = json.loads(out)
    assert (document["file"], document["biggest"][0]["key"]) == (str(unicode_snapshot), UNICODE)


def test_json_keeps_its_meaning_and_loses_what_a_terminal_obeys() -> None:
    document = {"a\u009b": "\u202e\x1b\ud800😀é\n", "b": [1]}
    text = json_escaped(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(text) == document
    assert {char for char in text if not char.isprintable()} == {"\n"}
    assert "😀é" in text


def test_a_screen_escapes_masks_and_leaves_data_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))  # as Windows has it when redirected
    with screens():
        print("ключ sig=abc")
        sys.stdout.flush()
        sys.stdout.buffer.write("sig=abc ключ".encode())
        sys.stdout.flush()
    shown = raw.getvalue()
    assert shown == b"\\u043a\\u043b\\u044e\\u0447 sig=...\nsig=abc " + "ключ".encode()


def test_a_key_is_data_in_keys_and_a_word_in_a_report(tmp_path: Path, ran: Ran) -> None:
    path = tmp_path / "in.rdb"
    path.write_bytes(snapshot(pair(0, string(b"v"), b"sig=abc")))
    done = subprocess.run(
        [sys.executable, "-m", "rdbcodec", "keys", str(path)], capture_output=True, check=True, timeout=60
    )
    assert done.stdout == b"sig=abc\n"
    assert "sig=..." in ran("inspect", path)[1]
