"""What the keys of each prefix take: names folded, sums larger than memory, trees of bounded size."""

from __future__ import annotations

import csv
import json
import pickle
from collections import Counter
from pathlib import Path

import pytest
from cases import every
from commands import run

import rdbcodec
from rdbcodec import Entry, ZSet, facts
from rdbcodec.facts.amounts import Usage, names_of
from rdbcodec.facts.folding import Folding
from rdbcodec.facts.prefixes import Node, Prefixes, PrefixPass
from rdbcodec.facts.sums import Sums
from rdbcodec.servers import Server

NOW_MS = 1_790_000_000_000
TYPES = Path(__file__).parent.parent / "fixtures" / "snapshots" / "redis-7.2.6-types.rdb"
SERVER = Server.of("redis-7.2")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.rdb"
    with rdbcodec.create(path, to="redis-7.2") as writer:
        for at in range(40):
            writer.write(b"acme:sess:%032x" % (at * 7919 + 1), b"x" * 20, expires_at_ms=NOW_MS + 1)
            writer.write(b"acme:user:%d" % at, {b"name": b"Zoe"})
        writer.write(b"acme:feature-flags", {b"%d" % at: b"on" for at in range(600)})
        writer.write(b"acme:sess:gone", b"", expires_at_ms=NOW_MS)
        writer.write(b"cache:page:7", bytes(range(200)))  # which no engine packs
        writer.write(b"\xff\xfe:1", ZSet({b"a": 1.0}), db=3)
        writer.write(b"lonely", b"7", db=3)
    return path


@every(
    ("key", "pattern"),
    [
        (b"acme:user:133473:cart", b"acme:user:*:cart"),
        (b"user9", b"user*"),
        (b"page12of30", b"page*of*"),
        (b"job:9f86d081884c7d65", b"job:*"),
        (b"job:DEADBEEF", b"job:DEADBEEF"),  # letters alone may be a word
        (b"job:a1b2c3", b"job:a*b*c*"),  # too short to be sure
        (b"o:6ba7b810-9dad-11d1-80b4-00c04fd430c8:x", b"o:*:x"),
        (b"o:01ARZ3NDEKTSV4RRFFQ69G5FAV", b"o:*"),
        (b"img/2026/cat.png", b"img/*/cat.png"),
        (b"a::b", b"a::b"),
        ("страна:7".encode(), "страна:*".encode()),
        (b"blob:\xff\xfe:7", b"blob:(binary)"),
        (b"\x00\x01", b"(binary)"),
        (b"", b""),
        (b"word:" * 100, b"word:" * 9),
    ],
)
def test_identifiers_in_a_name_are_folded(key: bytes, pattern: bytes) -> None:
    assert Folding(depth=9).pattern(key) == pattern


def test_a_name_is_cut_behind_the_last_part_that_counts() -> None:
    key = b"acme:user:6ba7b810-9dad-11d1-80b4-00c04fd430c8:cart"
    assert [Folding(depth=depth).pattern(key) for depth in (1, 2, 3, 4)] == [
        b"acme:",
        b"acme:user:",
        b"acme:user:*:",
        b"acme:user:*:cart",
    ]
    assert Folding("-", 2).pattern(key + b"-a-b") == b"acme:user:*:cart-a-"
    assert Folding("_", 2).pattern(b"acme_user_7") == b"acme_user_"


def test_a_long_name_is_cut_between_two_characters() -> None:
    assert Folding().pattern(b"x" + "ж".encode() * 200) == b"x" + "ж".encode() * 127


@pytest.mark.parametrize(
    ("separators", "depth", "message"),
    [
        ("", 2, "'': expected separators in ASCII, none a letter, a digit or one of *()"),
        (":a", 2, "':a': expected separators in ASCII, none a letter, a digit or one of *()"),
        (":", 0, "depth 0: expected 1 to 32 parts"),
        (":", 33, "depth 33: expected 1 to 32 parts"),
    ],
)
def test_what_is_no_separator_or_depth_is_refused(separators: str, depth: int, message: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        Folding(separators, depth)
    assert str(caught.value) == message


def test_keys_are_counted_by_prefix(shop: Path) -> None:
    with rdbcodec.prefixes(shop, SERVER, now_ms=NOW_MS) as found:
        rows = list(found.rows())
        assert [(name, usage.keys, usage.never, names_of(usage.types)) for name, usage in rows] == [
            (b"(binary)", 1, 1, ["zset"]),
            (b"acme:feature-flags", 1, 1, ["hash"]),
            (b"acme:sess:", 40, 0, ["string"]),
            (b"acme:user:", 40, 40, ["hash"]),
            (b"cache:page:", 1, 1, ["string"]),
            (b"lonely", 1, 1, ["string"]),
        ]
        assert list(found.rows()) == rows
        assert found.expired.keys == 1
        stat = facts.stat(shop, SERVER, now_ms=NOW_MS)
        assert found.total.memory == pytest.approx(stat.total.memory)
        assert sum(usage.memory for _, usage in rows) == pytest.approx(stat.total.memory)


def test_the_largest_prefixes_and_the_rest_are_all_keys(shop: Path) -> None:
    with rdbcodec.prefixes(shop, SERVER, now_ms=NOW_MS) as found:
        largest = found.largest(1)
        assert [name for name, _ in largest.rows] == [b"acme:feature-flags"]
        assert (largest.others, largest.rest.keys) == (5, 83)
        assert [name for name, _ in found.largest(2, by="never").rows] == [b"acme:user:", b"(binary)"]
        assert found.largest(9, by="keys", least=2) == found.largest(2, by="keys")
        assert found.largest(0).rest.keys == 84


def shown(node: Node) -> object:
    below = [shown(child) for child in node.children]
    return (node.part.decode(), node.usage.keys, node.hidden, below)


def test_the_tree_has_the_largest_children_first_and_tells_how_many_it_hides(shop: Path) -> None:
    with rdbcodec.prefixes(shop, SERVER, now_ms=NOW_MS, depth=3) as found:
        assert shown(found.tree()) == (
            "",
            84,
            0,
            [
                (
                    "acme:",
                    81,
                    0,
                    [
                        ("feature-flags", 1, 0, []),
                        ("sess:", 40, 0, [("*", 40, 0, [])]),
                        ("user:", 40, 0, [("*", 40, 0, [])]),
                    ],
                ),
                ("cache:", 1, 0, [("page:", 1, 0, [("*", 1, 0, [])])]),
                ("(binary)", 1, 0, []),
                ("lonely", 1, 0, []),
            ],
        )
        assert shown(found.tree(nodes=2)) == ("", 84, 3, [("acme:", 81, 2, [("feature-flags", 1, 0, [])])])
        assert found.tree(nodes=2).rest.keys == 3
        assert shown(found.tree(by="keys", least=2, nodes=9)) == shown(found.tree(by="keys", nodes=5))


def test_a_name_that_is_also_the_beginning_of_others_is_one_node() -> None:
    raw = b"REDIS0011\xfe\x00" + b"".join(
        b"\x00%c%b\x01v" % (len(key), key) for key in (b"a", b"a:", b"a:b", b"a:b:c", b"", b"a/b", b"a::")
    )
    with rdbcodec.prefixes(raw + b"\xff" + bytes(8), depth=9) as found:
        tree = found.tree(by="keys")
    assert shown(tree) == (
        "",
        7,
        0,
        [
            ("a:", 4, 0, [(":", 1, 0, []), ("b", 1, 0, []), ("b:", 1, 0, [("c", 1, 0, [])])]),
            ("", 1, 0, []),
            ("a", 1, 0, []),
            ("a/", 1, 0, [("b", 1, 0, [])]),
        ],
    )
    assert tree.children[0].rest.keys == 1


def test_more_names_than_are_held_are_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdbcodec.facts.sums.MOST_RUNS", 3)
    expected: Counter[bytes] = Counter()
    with Sums(held=4) as sums:
        for at in range(500):
            name = b"%d" % (at * 31 % 97) * (1 + at % 3)
            expected[name] += at
            sums.of(name).take(Usage(1, 0, at, 0.5, 2))
        rows = list(sums.rows())
        assert [(name, usage.elements) for name, usage in rows] == sorted(expected.items())
        assert sum(usage.keys for _, usage in rows) == 500
        assert len(sums._runs) <= 3
        again: Sums = pickle.loads(pickle.dumps(sums))
        assert list(sums.rows()) == rows
    with again:
        assert list(again.rows()) == rows
        again.of(b"new").take(Usage(1, 1, 2, 3.0, 4))
        assert sorted([*rows, (b"new", Usage(1, 1, 2, 3.0, 4))]) == sorted(again.rows())


def test_long_names_pass_the_ends_of_what_is_read_at_a_time() -> None:
    with Sums(held=1) as sums:
        names = [b"%05d" % at + b"x" * (at * 37 % 65_531) for at in range(0, 3000, 101)]
        for name in names:
            sums.of(name).take(Usage(1))
        assert [name for name, _ in sums.rows()] == names


def test_prefixes_of_two_files_become_one_also_in_another_process(shop: Path) -> None:
    with rdbcodec.open(shop) as reader:
        first: Prefixes = facts.run(reader, [PrefixPass(SERVER, now_ms=NOW_MS)])[0]
    each = pickle.loads(pickle.dumps(PrefixPass(SERVER, now_ms=NOW_MS)))
    with rdbcodec.open(TYPES) as reader:
        second: Prefixes = pickle.loads(pickle.dumps(facts.run(reader, [each])[0]))
    keys = first.total.keys + second.total.keys
    names = {name for name, _ in first.rows()} | {name for name, _ in second.rows()}
    with first.merge(second) as both:
        rows = list(both.rows())
        assert {name for name, _ in rows} == names
        assert both.total.keys == sum(usage.keys for _, usage in rows) == keys


def test_a_reading_that_ends_in_an_error_leaves_no_file(shop: Path) -> None:
    each = PrefixPass(SERVER, now_ms=NOW_MS)
    each._sums.sums = Sums(held=1)
    with rdbcodec.open(shop.read_bytes()[:-200]) as reader, pytest.raises(rdbcodec.Truncated):
        facts.run(reader, [each])
    assert each._sums.sums._file is None


# --- the command ------------------------------------------------------------------------------------


def told(shop: Path, *words: str) -> list[str]:
    done = run("prefix", shop, "--now", str(NOW_MS), "--for", "redis-7.2", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def test_prefix_tells_the_largest_and_what_all_others_take(shop: Path) -> None:
    lines = told(shop, "-n", "3")
    assert lines[lines.index("By prefix, of 2 parts") :] == [
        "By prefix, of 2 parts",
        "  prefix              keys  no TTL     memory  on disk  of the memory",
        "  acme:feature-flags     1    100%  ~31.6 KiB  3.4 KiB  ████████ 75%",
        "  acme:sess:            40      0%   ~6.3 KiB  2.1 KiB  ██ 15%",
        "  acme:user:            40    100%   ~3.6 KiB  1.3 KiB  █ 9%",
        "  (3 more)               3    100%     ~414 B    245 B  1%",
        "",
    ]


def test_prefix_as_a_tree_has_a_line_for_prefixes_that_go_on_alike(shop: Path) -> None:
    lines = told(shop, "--tree", "-n", "4")
    assert [line[:22].rstrip() for line in lines[lines.index("Prefixes") + 2 : -1]] == [
        "  acme:",
        "  ├─ feature-flags",
        "  ├─ sess:*",
        "  └─ user:*",
        "  (3 more)",
    ]


def test_prefix_as_folded_lines_names_each_part_as_a_frame(shop: Path) -> None:
    lines = told(shop, "--folded", "--by", "keys")
    assert lines == [
        "(binary) 1",
        "acme;feature-flags 1",
        "acme;sess;* 40",
        "acme;user;* 40",
        "cache;page;* 1",
        "lonely 1",
    ]


def test_prefix_as_csv_ndjson_and_json_says_the_same(shop: Path) -> None:
    rows = list(csv.DictReader(told(shop, "--format", "csv")))
    lines = [json.loads(line) for line in told(shop, "--format", "ndjson")]
    document = json.loads("\n".join(told(shop, "--format", "json")))
    for line in lines:
        line["types"] = " ".join(line["types"])
    assert [{name: str(value) for name, value in line.items()} for line in lines] == rows
    assert [row["prefix"] for row in rows] == sorted(row["prefix"] for row in rows)
    assert sorted(row["prefix"] for row in document["prefixes"]) == [row["prefix"] for row in rows]
    assert document["total"]["keys"] == sum(row["keys"] for row in lines) == 84
    assert (document["others"], document["rest"]["keys"]) == (0, 0)
    assert (document["server"], document["separators"], document["depth"]) == ("redis-7.2", ":/|.", 2)


def test_prefix_as_a_json_tree_has_every_total(shop: Path) -> None:
    tree = json.loads("\n".join(told(shop, "--tree", "--format", "json", "--depth", "1")))["tree"]
    assert (tree["keys"], tree["hidden"]) == (84, 0)
    assert [(child["prefix"], child["keys"]) for child in tree["children"]] == [
        ("acme:", 81),
        ("cache:", 1),
        ("(binary)", 1),
        ("lonely", 1),
    ]


def test_prefixes_of_several_files_are_told_apart_and_together(shop: Path) -> None:
    words = ("prefix", shop, shop, "--total", "--now", str(NOW_MS), "--format", "csv", "-n", "1")
    rows = list(csv.reader(run(*words).stdout.decode().splitlines()))
    assert [row[:3] for row in rows] == [
        ["file", "prefix", "keys"],
        [str(shop), "acme:feature-flags", "1"],
        [str(shop), "acme:feature-flags", "1"],
        ["", "acme:feature-flags", "2"],
    ]
    lines = run(*words[:-4]).stdout.decode().splitlines()
    assert [line for line in lines if line and not line.startswith(" ")][-3] == "Total of 2 files"


def test_prefix_tells_no_part_of_a_name_that_is_hidden(shop: Path) -> None:
    for words in (("--tree",), ("--folded",), ("--format", "csv"), ("--format", "json"), ("-n", "2")):
        for hide in ("--hide-keys", "--hide-keys=hash"):
            text = "\n".join(told(shop, hide, *words))
            assert "key#" in text
            assert not [name for name in ("acme", "sess", "cache", "page", "lonely") if name in text]


def test_prefix_fits_in_80_columns_also_with_long_names(tmp_path: Path) -> None:
    path = tmp_path / "long.rdb"
    with rdbcodec.create(path) as writer:
        for at in range(3):
            name = b"a-very-long-name-of-a-tenant-%c:" % (97 + at) + b"and-of-what-it-has:" * 3
            writer.write(name, b"v" * 99)
    for words in ((), ("--tree",), ("--by", "elements")):
        lines = run("prefix", path, *words).stdout.decode().splitlines()
        assert [line for line in lines if len(line) > 80 and line != str(path)] == []
        assert any("..." in line for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--depth", "33"], "'33' is no number from 1 to 32"),
        (["--separators", "a"], "'a': expected separators in ASCII, none a letter, a digit or one of *()"),
        (["--min", "x"], "'x' is no share such as 1% or 0.5%"),
        (["--tree", "--format", "csv"], "--tree prints as text or json"),
        (["--folded", "--format", "json"], "--folded prints the lines of one file, and has no --format"),
    ],
)
def test_wrong_usage_of_prefix_is_told(words: list[str], message: str, shop: Path) -> None:
    done = run("prefix", shop, *words)
    assert done.returncode == 2
    assert message in done.stderr.decode()


@pytest.mark.parametrize("odd", [b"new\nline:1", b"x" * 300, b"", b"id:6f1c:7", b"\xd0\xba:1"])
@pytest.mark.parametrize("separators", [":", "-:"])
def test_keys_are_folded_together_like_each_alone(odd: bytes, separators: str) -> None:
    keys = [*(b"user:%d:name" % at for at in range(40)), odd, b"user:07"]
    assert Folding(separators).patterns(keys) == [Folding(separators).pattern(key) for key in keys]


def test_keys_of_a_prefix_add_up_to_the_same_however_many_there_are(tmp_path: Path) -> None:
    made = tmp_path / "dump.rdb"
    with rdbcodec.create(made) as writer:
        for at in range(60):
            writer.write(b"a:%d" % at, b"v" * at, expires_at_ms=None if at % 3 else 4102444800000)
            writer.write(b"b:%d" % at, [b"x"] * (1 + at % 4))
    found = rdbcodec.stat(made, by=["prefix"], now_ms=0).by["prefix"]
    with rdbcodec.open(made) as reader:
        entries = [record for record in reader if isinstance(record, Entry)]
    for prefix, expiring, elements in (("a:", 20, 60), ("b:", 0, 150)):
        of_prefix = [entry for entry in entries if entry.key.startswith(prefix.encode())]
        usage, size = found[prefix], sum(entry.serialized_size for entry in of_prefix)
        assert (usage.keys, usage.expiring, usage.elements, usage.disk) == (60, expiring, elements, size)
        assert names_of(usage.types) == [of_prefix[0].type]
