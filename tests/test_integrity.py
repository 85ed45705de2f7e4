"""Odd and damaged values: each is found by its trait, and every trait has a snapshot that shows it."""

from __future__ import annotations

import pytest
from cases import every
from odd import ODD, PLAIN, file, key, lzf, node, raw_id, stream, string

import rdbcodec
from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import check
from rdbcodec.facts import soundness
from rdbcodec.facts.profile import Profile, profile
from rdbcodec.integrity.traits import ASKED, TRAITS, Effect
from rdbcodec.losses import row_of

FOUND: dict[str, tuple[str, ...]] = {
    "good": (),
    "lzf reference": ("lzf",),
    "lzf long": ("lzf",),
    "lzf short": ("lzf",),
    "lzf empty": ("lzf-empty",),
    "lzf element": ("table",),
    "lzf blob": ("lzf",),
    "length 64": ("length-64-bit",),
    "length 64 inside": (),
    "length 64 key": ("length-64-bit",),
    "hash-listpack total": ("listpack",),
    "hash-listpack total short": ("listpack",),
    "hash-listpack no end": ("listpack",),
    "hash-listpack count low": ("listpack-inside",),
    "hash-listpack count high": ("listpack-inside",),
    "hash-listpack back-length": ("listpack-inside",),
    "hash-listpack short": ("listpack",),
    "hash-listpack nothing": ("listpack",),
    "hash-listpack encoding": ("listpack-inside",),
    "hash-listpack odd": ("listpack-inside",),
    "hash-listpack twice": ("listpack-twice",),
    "hash-listpack empty": ("empty",),
    "hash-listpack element too long": ("listpack-inside",),
    "hash-listpack many twice": ("listpack-twice-large",),
    "hash-listpack many back-length": ("listpack-inside-large",),
    "zset-listpack total": ("listpack",),
    "zset-listpack total short": ("listpack",),
    "zset-listpack no end": ("listpack",),
    "zset-listpack count low": ("listpack-inside",),
    "zset-listpack count high": ("listpack-inside",),
    "zset-listpack back-length": ("listpack-inside",),
    "zset-listpack short": ("listpack",),
    "zset-listpack nothing": ("listpack",),
    "zset-listpack encoding": ("listpack-inside",),
    "zset-listpack odd": ("listpack-inside",),
    "zset-listpack twice": ("listpack-twice",),
    "zset-listpack empty": ("empty",),
    "zset-listpack element too long": ("listpack-inside",),
    "zset-listpack many twice": ("listpack-twice-large", "score-text"),
    "zset-listpack many back-length": ("listpack-inside-large",),
    "set-listpack total": ("listpack",),
    "set-listpack total short": ("listpack",),
    "set-listpack no end": ("listpack",),
    "set-listpack count low": ("listpack-inside",),
    "set-listpack count high": ("listpack-inside",),
    "set-listpack back-length": ("listpack-inside",),
    "set-listpack short": ("listpack",),
    "set-listpack nothing": ("listpack",),
    "set-listpack encoding": ("listpack-inside",),
    "set-listpack odd": (),
    "set-listpack twice": ("listpack-twice",),
    "set-listpack empty": ("empty",),
    "set-listpack element too long": ("listpack-inside",),
    "set-listpack many twice": ("listpack-twice-large",),
    "set-listpack many back-length": ("listpack-inside-large",),
    "list-quicklist-2 total": ("listpack",),
    "list-quicklist-2 total short": ("listpack",),
    "list-quicklist-2 no end": ("listpack",),
    "list-quicklist-2 count low": ("listpack-inside",),
    "list-quicklist-2 count high": ("listpack-inside",),
    "list-quicklist-2 back-length": ("listpack-inside",),
    "list-quicklist-2 short": ("listpack",),
    "list-quicklist-2 nothing": ("listpack",),
    "list-quicklist-2 encoding": ("listpack-inside",),
    "list-quicklist-2 odd": (),
    "list-quicklist-2 twice": (),
    "list-quicklist-2 empty": ("empty",),
    "list-quicklist-2 element too long": ("listpack-inside",),
    "list-quicklist-2 many twice": (),
    "list-quicklist-2 many back-length": ("listpack-inside",),
    "zset-listpack nan": ("score-packed",),
    "zset-listpack text": ("score-text",),
    "zset-listpack order": ("score-order",),
    "zset-listpack many nan, and text": ("score-text", "score-packed-large"),
    "zset-listpack many nan": ("score-packed-large",),
    "quicklist-2 no nodes": ("empty",),
    "quicklist-2 container": ("list-node",),
    "quicklist-2 plain empty": ("list-node",),
    "quicklist-2 one empty node": (),
    "list-ziplist total": ("ziplist",),
    "list-ziplist no end": ("ziplist",),
    "list-ziplist tail": ("ziplist-inside",),
    "list-ziplist tail far": ("ziplist",),
    "list-ziplist count low": ("ziplist-inside",),
    "list-ziplist count high": ("ziplist-inside",),
    "list-ziplist prevlen": ("ziplist-inside",),
    "list-ziplist short": ("ziplist",),
    "list-ziplist encoding": ("ziplist-inside",),
    "list-ziplist odd": (),
    "list-ziplist twice": (),
    "list-ziplist empty": ("empty",),
    "list-ziplist many twice": (),
    "list-quicklist total": ("ziplist",),
    "list-quicklist no end": ("ziplist",),
    "list-quicklist tail": ("ziplist-inside",),
    "list-quicklist tail far": ("ziplist",),
    "list-quicklist count low": ("ziplist-inside",),
    "list-quicklist count high": ("ziplist-inside",),
    "list-quicklist prevlen": ("ziplist-inside",),
    "list-quicklist short": ("ziplist",),
    "list-quicklist encoding": ("ziplist-inside",),
    "list-quicklist odd": (),
    "list-quicklist twice": (),
    "list-quicklist empty": ("empty",),
    "list-quicklist many twice": (),
    "hash-ziplist total": ("ziplist",),
    "hash-ziplist no end": ("ziplist",),
    "hash-ziplist tail": ("ziplist-inside",),
    "hash-ziplist tail far": ("ziplist",),
    "hash-ziplist count low": ("ziplist-inside",),
    "hash-ziplist count high": ("ziplist-inside",),
    "hash-ziplist prevlen": ("ziplist-inside",),
    "hash-ziplist short": ("ziplist",),
    "hash-ziplist encoding": ("ziplist-inside",),
    "hash-ziplist odd": ("ziplist-inside",),
    "hash-ziplist twice": ("ziplist-twice",),
    "hash-ziplist empty": ("empty",),
    "hash-ziplist many twice": ("ziplist-twice",),
    "zset-ziplist total": ("ziplist",),
    "zset-ziplist no end": ("ziplist",),
    "zset-ziplist tail": ("ziplist-inside",),
    "zset-ziplist tail far": ("ziplist",),
    "zset-ziplist count low": ("ziplist-inside",),
    "zset-ziplist count high": ("ziplist-inside",),
    "zset-ziplist prevlen": ("ziplist-inside",),
    "zset-ziplist short": ("ziplist",),
    "zset-ziplist encoding": ("ziplist-inside",),
    "zset-ziplist odd": ("ziplist-inside",),
    "zset-ziplist twice": ("ziplist-twice",),
    "zset-ziplist empty": ("empty",),
    "zset-ziplist many twice": ("ziplist-twice", "score-text"),
    "zset-ziplist nan": ("score-packed",),
    "zset-ziplist text": ("score-text",),
    "zset-ziplist order": ("score-order",),
    "quicklist no nodes": ("empty",),
    "intset width": ("intset",),
    "intset count": ("intset",),
    "intset short": ("intset",),
    "intset order": ("intset-order",),
    "intset twice": ("intset-order",),
    "intset empty": ("intset-empty",),
    "intset many twice": ("intset-order-large",),
    "intset many order": ("intset-order-large",),
    "zipmap no end": ("zipmap",),
    "zipmap behind end": ("zipmap",),
    "zipmap count": ("zipmap",),
    "zipmap count unknown": ("zipmap",),
    "zipmap long": ("zipmap",),
    "zipmap twice": ("zipmap",),
    "zipmap empty": ("zipmap",),
    "set twice": ("set-twice",),
    "set of integers twice": ("set-twice",),
    "hash twice": ("hash-twice",),
    "hash large twice": ("hash-twice-large",),
    "hash long twice": ("hash-twice-large",),
    "zset twice": ("zset-twice",),
    "zset-2 twice": ("zset-twice",),
    "zset nan": ("score",),
    "zset text": ("table",),
    "zset-2 nan": ("score",),
    "set empty": ("empty",),
    "list empty": ("empty",),
    "hash empty": ("empty",),
    "zset empty": ("empty",),
    "zset-2 empty": ("empty",),
    "stream1 good": (),
    "stream1 length empty": ("stream-length-empty",),
    "stream1 empty": (),
    "stream1 length": ("stream-length",),
    "stream1 consumer twice": ("stream-consumer-twice",),
    "stream1 group pending twice": ("stream-pending-twice",),
    "stream1 pending without consumer": ("stream-pending-unowned",),
    "stream good": (),
    "stream empty": (),
    "stream length empty": ("stream-length-empty",),
    "stream length high": ("stream-length",),
    "stream length low": ("stream-length",),
    "stream added low": ("stream-added",),
    "stream entries read": ("stream-entries-read",),
    "stream entries read unknown": (),
    "stream entries read negative": ("stream-entries-read",),
    "stream first": (),
    "stream last": (),
    "stream deleted high": (),
    "stream group last": (),
    "stream group twice": ("stream-group-twice",),
    "stream node twice": ("stream-node-twice",),
    "stream node order": ("stream-node-order",),
    "stream1 node order": ("stream-node-order",),
    "stream node empty": ("stream-node",),
    "stream node no entries": ("stream-node-empty",),
    "stream node short": ("stream-node-inside",),
    "stream node total": ("stream-node",),
    "stream node inside": ("stream-node-inside",),
    "stream node count": ("stream-node-inside",),
    "stream node key": ("stream-node",),
    "stream consumer twice": ("stream-consumer-twice",),
    "stream group pending twice": ("stream-pending-twice",),
    "stream pending without consumer": ("stream-pending-unowned",),
    "stream consumer pending alone": ("stream-pending-alone",),
    "stream pending of two": ("stream-pending-of-two",),
    "stream consumer pending twice": ("stream-pending-alone",),
    "stream pending deleted": (),
    "stream3 pending without consumer": ("stream-pending-unowned",),
    "stream3 consumer twice": ("stream-consumer-twice",),
    "stream3 length": ("stream-length",),
    "stream3 entries read": ("stream-entries-read",),
    "stream5 good": (),
    "stream5 pending nacked": (),
    "stream5 pending not nacked": ("stream-pending-unowned",),
    "stream5 nacked not pending": ("stream-nacked",),
    "stream5 nacked twice": (),
    "stream5 nacked owned": ("stream-nacked",),
    "stream5 length": ("stream-length",),
    "stream5 added low": ("stream-added",),
    "stream5 entries read": ("stream-entries-read",),
    "stream5 idempotence": ("stream-tail",),
    "hash-ttl good": (),
    "hash-ttl minimum late": (),
    "hash-ttl minimum low": (),
    "hash-ttl minimum 0": (),
    "hash-ttl minimum negative": ("field-ttl-negative",),
    "hash-ttl minimum over": ("field-ttl-over",),
    "hash-ttl minimum over 46": (),
    "hash-ttl over 46": (),
    "hash-ttl over 48": ("field-ttl-over",),
    "hash-ttl no ttl": (),
    "hash-ttl twice": ("field-ttl-twice",),
    "hash-ttl empty": ("empty",),
    "hash-listpack-ttl good": (),
    "hash-listpack-ttl order": ("field-ttl-order",),
    "hash-listpack-ttl none first": ("field-ttl-order",),
    "hash-listpack-ttl minimum high": (),
    "hash-listpack-ttl minimum low": (),
    "hash-listpack-ttl minimum 0": (),
    "hash-listpack-ttl minimum over": (),
    "hash-listpack-ttl over 46": (),
    "hash-listpack-ttl over 48": ("field-ttl-over-listpack",),
    "hash-listpack-ttl negative": ("field-ttl-negative",),
    "hash-listpack-ttl text": ("table",),
    "hash-listpack-ttl twice": ("field-ttl-twice",),
    "hash-listpack-ttl odd": ("listpack-ttl-inside",),
    "hash-listpack-ttl back-length": ("listpack-ttl-inside",),
    "hash-listpack-ttl encoding": ("listpack-ttl-inside",),
    "hash-listpack-ttl count low": ("listpack-ttl-inside",),
    "hash-listpack-ttl many back-length": ("listpack-ttl-inside",),
    "hash-listpack-ttl total": ("listpack",),
    "hash-listpack-ttl empty": ("empty",),
    "hash-listpack-ttl many order": ("field-ttl-order",),
    "hash-ttl-valkey good": (),
    "hash-ttl-valkey over 46": (),
    "hash-ttl-valkey over 48": ("field-ttl-valkey",),
    "hash-ttl-valkey negative": ("table",),
    "hash-ttl-valkey zero": ("field-ttl-valkey",),
    "hash-ttl-valkey twice": ("field-ttl-twice-large",),
    "hash-ttl-valkey empty": ("empty",),
    "hash-ttl-valkey no ttl": (),
    "hash-ttl over": ("field-ttl-over",),
    "hash-ttl just not over": (),
    "hash-ttl many twice": ("field-ttl-twice-large",),
    "hash-listpack-ttl order, one past": ("field-ttl-order",),
    "key twice": (),
    "database 53 without keys": (),
    "key twice in two databases": (),
    "slot-info b'16383,1,0'": (),
    "slot-info b'12182,2,1,0'": (),
    "slot-info b'12182,1\\xba0'": ("slot-info",),
    "slot-info b'12182,1'": ("slot-info",),
    "slot-info b'-1,1,0'": ("slot-number",),
    "slot-info b'16384,1,0'": ("slot-number",),
    "library twice": ("function-twice",),
    "library pre-ga": (),
    "library without #!": ("function-code",),
    "library with a bad name": ("function-code",),
    "library of Valkey": ("function-server",),
    "library whose name is quoted": (),
    "library of another engine": ("function-engine",),
    "library without a function": ("function-none",),
    "library with a word too many": ("function-code",),
    "library that says server. in a comment": (),
    "array 0": ("array",),
    "path hash without fields": ("undecodable",),
    "template good": (),
    "template behind its hash": ("template",),
    "template id 2^64-1": ("template-id",),
    "template unknown": ("template",),
    "meta ignorable": (),
    "meta not ignorable": (),
    "meta none": (),
    "meta 7": (),
    "meta 8": ("key-meta-count",),
    "meta twice": ("key-meta-place",),
    "meta then expire": ("key-meta-place",),
    "meta then a database": ("key-meta-place",),
    "meta then idle": ("key-meta-place",),
    "expire twice": ("expiry-twice",),
    "expire at -1": ("expiry-minus-1",),
    "expire then meta": (),
    "slot import": (),
}


def facts_of(data: bytes, *, max_value: int = 32 << 10) -> Profile:
    with rdbcodec.open(data, max_value=max_value) as reader:
        return profile(reader, now_ms=0, duplicates=True, values=True)


def test_every_odd_snapshot_is_expected_to_be_one() -> None:
    assert list(FOUND) == list(ODD)


@every("name", FOUND)
def test_what_is_odd_is_found_by_its_trait(name: str) -> None:
    assert tuple(facts_of(ODD[name]).oddities or ()) == FOUND[name]


def test_every_trait_is_shown_by_a_snapshot() -> None:
    assert {trait for traits in FOUND.values() for trait in traits} == set(TRAITS)


@every("name", TRAITS)
def test_row_of_a_trait_has_a_letter_for_each_server_and_a_loss_of_the_table(name: str) -> None:
    trait = TRAITS[name]
    assert len(trait.letters) == len(ASKED)
    assert set(trait.letters) <= set("LSDR?-")
    assert (row_of(trait.loss).severity == "hint") <= (trait.repair == "rewrite")


@pytest.mark.parametrize(
    ("release", "effect"),
    [
        ("6.0", "unknown"),
        ("6.2", "unknown"),
        ("7.0", "loads"),
        ("7.2", "loads"),  # between two that load
        ("8.2", "loads"),
        ("8.4", "unknown"),  # between one that loads and one that refuses
        ("8.10", "refuses"),
        ("8.12", "refuses"),  # the newest that was asked stands for what comes after
    ],
)
def test_release_between_two_that_were_asked_is_like_both_or_unknown(release: str, effect: Effect) -> None:
    assert TRAITS["stream-entries-read"].effect("Redis", release) == effect


def test_product_nobody_asked_is_unknown() -> None:
    assert TRAITS["lzf"].effect("Dragonfly", "1.25") == "unknown"


@pytest.mark.parametrize(
    ("trait", "words"),
    [
        ("listpack", "Redis 6.2 and later, Valkey 8.0 and later"),
        ("stream-entries-read", "Redis 8.10 and later"),
        ("stream-length", "Redis 8.10 and later, Valkey 9.1 and later"),
        ("length-64-bit", "Redis 2.8 to 3.2"),
        ("score-text", ""),
    ],
)
def test_who_refuses_is_said_in_words(trait: str, words: str) -> None:
    assert TRAITS[trait].words("refuses") == words


def test_value_that_passes_by_is_looked_at_too() -> None:
    """A limit of 64 bytes makes all of these pass by."""
    found = {name: tuple(facts_of(ODD[name], max_value=64).oddities or ()) for name in LARGE}
    assert found == LARGE


LARGE: dict[str, tuple[str, ...]] = {
    "good": (),
    "stream good": (),
    "stream length high": ("stream-length",),
    "stream entries read": ("stream-entries-read",),
    "stream node order": ("stream-node-order",),
    "stream node twice": ("stream-node-twice",),
    "stream consumer twice": ("stream-consumer-twice",),
    "hash large twice": ("hash-twice-large",),
    "hash-listpack many twice": ("listpack-twice-large",),
    "hash-listpack many back-length": ("undecodable",),
    "zset-listpack many nan": ("score-packed-large",),
    "intset many order": ("undecodable",),
}


@pytest.mark.parametrize("name", ["stream node order", "stream1 node order"])
def test_stream_has_its_entries_in_the_order_servers_answer(name: str) -> None:
    """The file has 0-5 before 0-1; 6.2, 7.0, 8.2, 8.10 and Valkey 8.0, 8.1, 9.1 keep nodes by their keys."""
    with rdbcodec.open(ODD[name]) as reader:
        (entry,) = (record for record in reader if isinstance(record, rdbcodec.Entry))
        assert [str(found.id) for found in entry.value_as(rdbcodec.Stream).entries] == ["0-1", "0-5"]
        passing = [found for batch in entry.items() for found in batch]
        assert [str(found.id) for found in passing if isinstance(found, rdbcodec.StreamEntry)] == [
            "0-5",
            "0-1",
        ]


def test_nodes_that_overlap_stay_whole() -> None:
    """Servers sort nodes, not entries: 7.0, 8.2, 8.10 and Valkey 8.0, 8.1, 9.1 answer 0-1, 0-5, 0-3."""
    data = stream((node(3, master=raw_id(3)), node(1, 5)), length=3, added=3, last=5)
    with rdbcodec.open(data) as reader:
        (entry,) = (record for record in reader if isinstance(record, rdbcodec.Entry))
        assert [str(found.id) for found in entry.value_as(rdbcodec.Stream).entries] == ["0-1", "0-5", "0-3"]


def test_large_string_whose_lzf_is_damaged_is_found_while_it_passes_by() -> None:
    block = (b"\x1f" + bytes(range(32))) * 20 + b"\x3f\xff"  # the last token reaches 8192 bytes back
    data = file(key(0, lzf(block, 643)))
    assert tuple(facts_of(data, max_value=64).oddities or ()) == ("lzf",)
    good = file(key(0, lzf(block[:-2], 640)))
    assert facts_of(good, max_value=64).oddities == {}


def test_profile_without_a_look_gives_a_verdict_that_says_so() -> None:
    with rdbcodec.open(ODD["good"]) as reader:
        facts = profile(reader, now_ms=0)
    assert (facts.oddities, check(facts, find("redis-7.2")).was_looked_at) == (None, False)


MANY = b"9" * 5000  # digits, of which Python makes no number


@pytest.mark.parametrize(
    ("remark", "found"),
    [
        (MANY + b",1,0", ("slot-number",)),
        (b"-" + MANY + b",1,0", ("slot-number",)),
        (bytes(5000).replace(b"\0", b"0") + b"5,1,0", ()),
        (b"5," + MANY + b",0", ()),
    ],
    ids=["beyond", "below", "zeros", "keys"],
)
def test_slot_of_any_number_of_digits_is_one_or_none(remark: bytes, found: tuple[str, ...]) -> None:
    data = file(b"\xfa" + string(b"slot-info") + string(remark), PLAIN)
    assert tuple(facts_of(data).oddities or ()) == found


def test_version_of_any_number_of_digits_is_judged() -> None:
    facts = facts_of(file(b"\xfa" + string(b"redis-ver") + string(MANY + b".1"), PLAIN))
    assert check(facts, find("acr-basic-6.0")).was_looked_at


NEWEST = "Redis 8.10 and later, Valkey 9.1 and later"


def checked(name: str) -> list[tuple[str, str]]:
    with rdbcodec.open(ODD[name]) as reader:
        return [(problem.severity, problem.message) for problem in soundness.check(reader, now_ms=0).problems]


@every(
    ("name", "problems"),
    [
        ("stream good", []),
        (
            "stream length high",
            [
                (
                    "warning",
                    f"the stream says it has 3 entries, it has 2; {NEWEST} refuse it",
                )
            ],
        ),
        ("stream length empty", [("error", "the stream says it has 2 entries, it has none")]),
        (
            "stream entries read",
            [("warning", "a group has read 100 entries, 2 were added; Redis 8.10 and later refuse it")],
        ),
        ("stream consumer twice", [("error", "a stream with a consumer twice in a group")]),
        (
            "stream group pending twice",
            [("error", "a stream with an entry twice in a group's list of pending entries")],
        ),
        (
            "hash-listpack-ttl order",
            [
                (
                    "warning",
                    f"{TRAITS['field-ttl-order'].says}; Redis 8.2 and later may end when it is used",
                )
            ],
        ),
        ("hash-ttl over", [("error", "a field expires at 281474976710656")]),
        ("quicklist-2 plain empty", [("error", "a plain node holds nothing")]),
        ("intset empty", [("error", "an empty intset")]),
        ("zipmap count unknown", [("error", "its count is 255, 254 is the one for unknown")]),
        ("library twice", [("error", "a function library twice")]),
        ("meta 8", [("error", "there are 8")]),
        ("template id 2^64-1", [("error", "a hash template of the id 2^64-1, which is that of none")]),
    ],
)
def test_check_names_what_loaders_refuse_and_which_do(name: str, problems: list[tuple[str, str]]) -> None:
    assert checked(name) == problems


@every("name", FOUND)
def test_check_and_compat_know_the_same(name: str) -> None:
    """What every server refuses is an error of a check, and nobody refuses what a check says nothing of."""
    traits = [TRAITS[trait] for trait in FOUND[name]]
    severities = {severity for severity, _ in checked(name)}
    if any(trait.is_refused_everywhere for trait in traits):
        assert "error" in severities
    if any(trait.words("refuses") for trait in traits if trait.name not in UNSAID):
        assert severities


# A check says nothing of these: where they stand is not where damage would be.
UNSAID = {"length-64-bit"}
