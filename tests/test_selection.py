"""The filters: which keys of a snapshot a command looks at."""

from __future__ import annotations

import io
import itertools
import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import every
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Server, program
from ways import SNAPSHOTS, entries, pair, snapshot, string

import rdbcodec
from rdbcodec import Entry, Header, Record, ResizeDb
from rdbcodec.facts.key_lists import HELD, KeyList
from rdbcodec.facts.passes import Batch, Pass, run
from rdbcodec.facts.selected import selected
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.slots import key_slot
from rdbcodec.formats import TYPES
from rdbcodec.records import LargeEntry

NOW = 1_000_000_000
HOUR, DAY = 3_600_000, 86_400_000
TYPES_72 = next(path for path in SNAPSHOTS if path.name == "redis-7.2.6-types.rdb")


def key(name: bytes, *, expires_at_ms: int | None = None, value: bytes = b"v") -> bytes:
    expiry = b"" if expires_at_ms is None else b"\xfc" + expires_at_ms.to_bytes(8, "little")
    return expiry + pair(0, string(value), name)


def taken(data: bytes, max_value: int = rdbcodec.MAX_VALUE, **filters: Any) -> list[bytes]:
    """The keys that the filters take."""
    selection = Selection(now_ms=NOW, **filters)
    with rdbcodec.open(data, max_value=max_value) as reader:
        return [record.key for record in selection.select(reader) if isinstance(record, Entry)]


# --- keys -------------------------------------------------------------------------------------------

NAMES = snapshot(*map(key, (b"user:1", b"user:22", b"session:1", b"\xff\x00\n", b"")))


@every(
    ("filters", "expected"),
    [
        ({}, [b"user:1", b"user:22", b"session:1", b"\xff\x00\n", b""]),
        ({"globs": [b"user:*"]}, [b"user:1", b"user:22"]),
        ({"globs": [b"user:?"]}, [b"user:1"]),
        ({"globs": [b"user:?", b"s*"]}, [b"user:1", b"session:1"]),
        ({"globs": [b"\xff*\n"]}, [b"\xff\x00\n"]),
        ({"globs": [b""]}, [b""]),
        ({"not_globs": [b"user:*", b""]}, [b"session:1", b"\xff\x00\n"]),
        ({"patterns": [rb":\d$"]}, [b"user:1", b"session:1"]),
        ({"patterns": [rb"\d\d", b"\xff"]}, [b"user:22", b"\xff\x00\n"]),
        ({"not_patterns": [b":"]}, [b"\xff\x00\n", b""]),
        ({"globs": [b"*:1"], "not_patterns": [b"^user"]}, [b"session:1"]),
        ({"prefixes": b"user:"}, [b"user:1", b"user:22"]),
        ({"prefixes": [b"user:2", b"s"]}, [b"user:22", b"session:1"]),
        ({"not_prefixes": [b"user:", b"\xff"]}, [b"session:1", b""]),
        ({"keys": b"user:2"}, []),
        ({"keys": [b"user:1", b"", b"other"]}, [b"user:1", b""]),
        ({"not_keys": [b"user:1", b""]}, [b"user:22", b"session:1", b"\xff\x00\n"]),
        ({"prefixes": b"user:", "not_keys": b"user:1"}, [b"user:22"]),
    ],
)
def test_keys_are_taken_by_name(filters: dict[str, Any], expected: list[bytes]) -> None:
    assert taken(NAMES, **filters) == expected


GLOBS = [
    *(b"*", b"?", b"a*b", b"**a", b"a?c", b"a\\*", b"a\\", b"\\a"),
    *(b"*a*b*", b"a*?*c", b"*a*a*a*b", b"*a?c*", b"*[ab]*[bc]", b"*[*", b"a**", b"?*?*?", b"*ab*b", b"ab*bc"),
    *(
        b"[abc]",
        b"[^abc]",
        b"[a-c]",
        b"[c-a]",
        b"[^c-a]x",
        b"[a",
        b"[",
        b"[]",
        b"[]a]",
        b"[^]",
        b"[^",
        b"[a-]",
    ),
    *(b"[a-]b]", b"[\\]]", b"[\\a-c]", b"[a\\", b"[a-\\]]", b"[--/]", b"a]", b"[[]", b"h[a-", b"h[^a-]llo"),
]
KEYS = [
    *(b"a", b"b", b"c", b"ab", b"aab", b"abc", b"a*", b"a\\", b"]", b"[", b"\\", b"-", b"x", b"^", b"."),
    *(b"/", b"dx", b"a]", b"\n", b"a\nb", b"\xff", b"ac", b"hello", b"hallo", b"hllo", b"_", b"h-"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(program("redis-7.0"), tmp_path_factory.mktemp("globs"))
    yield running
    running.stop()


@pytest.mark.parametrize("glob", GLOBS)
def test_a_glob_matches_what_a_server_s_keys_command_matches(server: Server, glob: bytes) -> None:
    check_glob(server, glob, KEYS)


# No empty key: servers know by its looks that "*" matches it, and find that "**" does not. Here both do.
SHORT_KEYS = [
    b"".join(letters)
    for size in (1, 2, 3)
    for letters in itertools.product((b"a", b"b", b"]", b"[", b"\\", b"-", b"\xff"), repeat=size)
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"\xff"]), max_size=8),
    st.lists(st.sampled_from(SHORT_KEYS), max_size=20),
)
def test_any_glob_matches_what_a_server_s_keys_command_matches(
    server: Server, glob: list[bytes], names: list[bytes]
) -> None:
    check_glob(server, b"".join(glob), names)


def test_stars_cost_no_more_than_the_size_of_the_key_each() -> None:
    """Steps of the regular expression are not to be counted, so this fails by never coming to an end."""
    names = [b"a" * 5000 + bytes([number]) for number in range(200)]
    data = snapshot(*(b"\0" + string(name) + string(b"v") for name in names))
    globs = [b"*a*a*a*b", b"*a" * 50 + b"*b", b"*?" * 50 + b"b", b"*[^b]" * 50 + b"*b", b"*a*" * 50 + b"[b"]
    assert taken(data, globs=globs) == [b"a" * 5000 + b"b"]
    assert len(taken(data, not_globs=globs)) == 199


def check_glob(server: Server, glob: bytes, names: list[bytes]) -> None:
    server.command("FLUSHALL")
    for name in names:
        server.command("SET", name, "")
    expected = sorted(server.command("KEYS", glob))
    assert sorted(taken(snapshot(*map(key, set(names))), globs=[glob])) == expected


def key_list(data: bytes, *, held: int = HELD) -> KeyList:
    return KeyList(io.BytesIO(data), held=held)


@every("held", [HELD, 1])
@every(
    ("data", "names"),
    [
        (b"user:1\nsession:1\n", [b"user:1", b"session:1"]),
        (b"user:1\r\n\r\nuser:1\r\nsession:1", [b"user:1", b"session:1"]),
        (b"user:1\0\xff\x00\0", [b"user:1", b"\xff", b""]),
        (b"\xff\x00\n\0\0", [b"\xff", b"\n", b""]),
        (b"a line\n" * 20_000 + b"user:22", [b"a line", b"user:22"]),
        (b"", []),
    ],
)
def test_names_are_listed_one_a_line_or_with_a_nul_byte_behind_each(
    held: int, data: bytes, names: list[bytes]
) -> None:
    """`held` is how many bytes are held as they are; of more there are digests."""
    keys = key_list(data, held=held)
    assert len(keys) == len(names)
    assert all(name in keys for name in names)
    assert not any(other in keys for other in (b"user:2", b"a lin", b"user:1\r", b"other"))
    assert taken(NAMES, listed=keys) == [name for name in taken(NAMES) if name in names]
    assert taken(NAMES, not_listed=[keys]) == [name for name in taken(NAMES) if name not in names]


# --- what a key is ----------------------------------------------------------------------------------


def test_keys_are_taken_by_database_type_and_encoding() -> None:
    data = TYPES_72.read_bytes()
    everything = entries(data)

    def names(**wanted: Any) -> list[bytes]:
        told = [
            entry for entry in everything if all(getattr(entry, name) in of for name, of in wanted.items())
        ]
        assert told
        return [entry.key for entry in told]

    assert taken(data, dbs=[1, 9]) == names(db=[1, 9])
    assert taken(data, types=["hash", "stream"]) == names(type=["hash", "stream"])
    assert taken(data, encodings=["intset"]) == names(encoding=["intset"])
    assert taken(data, types=["zset"], encodings=["listpack"]) == names(type=["zset"], encoding=["listpack"])
    others = [entry.key for entry in everything if entry.type not in ("hash", "stream")]
    assert taken(data, not_types="Hash, STREAM") == others
    assert taken(data, types="HASH,stream") == names(type=["hash", "stream"])
    assert taken(data, not_encodings="Listpack", types="zset") == names(type=["zset"], encoding=["skiplist"])


DATABASES = snapshot(
    key(b"a"),
    b"\xfe\x01",
    key(b"b"),
    b"\xfe\x03",
    key(b"c"),
    b"\xfe\x0f",
    key(b"d"),
    b"\xfe\x40\x40",
    key(b"e"),
)


@every(
    ("dbs", "expected"),
    [
        (0, [b"a"]),
        ([1, 15], [b"b", b"d"]),
        (range(4), [b"a", b"b", b"c"]),
        ("0-3", [b"a", b"b", b"c"]),
        ("0,3..15", [b"a", b"c", b"d"]),
        ("3-", [b"c", b"d", b"e"]),
        ("..1", [b"a", b"b"]),
        (">=15", [b"d", b"e"]),
        (">3", [b"d", b"e"]),
        ("<=1, 64", [b"a", b"b", b"e"]),
        (["1", (15, 63)], [b"b", b"d"]),
    ],
)
def test_databases_are_numbers_ranges_and_lists(dbs: Any, expected: list[bytes]) -> None:
    assert taken(DATABASES, dbs=dbs) == expected
    others = [name for name in (b"a", b"b", b"c", b"d", b"e") if name not in expected]
    assert taken(DATABASES, not_dbs=dbs) == others


EXPIRING = snapshot(
    key(b"never"),
    key(b"gone", expires_at_ms=NOW - 1),
    key(b"now", expires_at_ms=NOW),
    key(b"soon", expires_at_ms=NOW + 1),
    key(b"hour", expires_at_ms=NOW + HOUR),
    key(b"later", expires_at_ms=NOW + 40 * DAY),
)


@every(
    ("ttl", "expected"),
    [
        (["none"], [b"never"]),
        (["any"], [b"gone", b"now", b"soon", b"hour", b"later"]),
        (["expired"], [b"gone", b"now"]),
        (["<1h"], [b"soon"]),
        (["<3601s"], [b"soon", b"hour"]),
        ([">59m"], [b"hour", b"later"]),
        ([">30d"], [b"later"]),
        (["none", ">30d"], [b"never", b"later"]),
        ("none,>30d", [b"never", b"later"]),
        ("..1h", [b"soon", b"hour"]),
        ("1ms..1h", [b"soon", b"hour"]),
        ("2ms..1h", [b"hour"]),
        ("1h-6w", [b"hour", b"later"]),
        (">=40d", [b"later"]),
        ("<=0.5d", [b"soon", b"hour"]),
        ("EXPIRED", [b"gone", b"now"]),
    ],
)
def test_keys_are_taken_by_the_time_they_have_left(ttl: list[str], expected: list[bytes]) -> None:
    assert taken(EXPIRING, ttl=ttl) == expected
    assert taken(EXPIRING, not_ttl=ttl) == [name for name in taken(EXPIRING) if name not in expected]


USED = snapshot(
    key(b"untold"),
    b"\xf8\x00" + key(b"just now"),
    b"\xf8\x80\x00\x01\x51\x80" + key(b"a day"),
    b"\xf9\xff" + key(b"often"),
    b"\xf9\x05" + key(b"seldom"),
)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"idle": "<1h"}, [b"just now"]),
        ({"idle": ">=1d"}, [b"a day"]),
        ({"idle": ">1d"}, []),
        ({"idle": ["<=1d", ">1s"]}, [b"a day"]),
        ({"not_idle": "<1h"}, [b"untold", b"a day", b"often", b"seldom"]),
        ({"freq": 255}, [b"often"]),
        ({"freq": "5,255"}, [b"often", b"seldom"]),
        ({"freq": "0..10"}, [b"seldom"]),
        ({"not_freq": ">100", "not_idle": ">=0s"}, [b"untold", b"seldom"]),
    ],
)
def test_keys_are_taken_by_their_use_where_the_file_tells_it(
    filters: dict[str, Any], expected: list[bytes]
) -> None:
    assert taken(USED, **filters) == expected


SIZES = snapshot(key(b"s", value=b"x" * 10), key(b"m", value=b"x" * 1020), key(b"l", value=b"x" * 5000))


@every("max_value", [rdbcodec.MAX_VALUE, 2000])
@every(
    ("sizes", "expected"),
    [
        (["<15"], [b"s"]),
        (["<14"], []),
        ([">1kb"], [b"m", b"l"]),
        ([">1kb", "<1mb"], [b"m", b"l"]),
        ([">1kb", "<2kb"], [b"m"]),
        (["<2000b"], [b"s", b"m"]),
        ([">4kb"], [b"l"]),
        ([">1gb"], []),
        ("1kb..4kb", [b"m"]),
        ("<=14,>=5005", [b"s", b"l"]),
        ("1.5kb..", [b"l"]),
        ("2001..2002", []),
    ],
)
def test_keys_are_taken_by_their_size_on_disk(
    max_value: int, sizes: list[str], expected: list[bytes]
) -> None:
    assert [len(entry.raw) + 3 for entry in entries(SIZES)] == [14, 1025, 5005]
    assert taken(SIZES, sizes=sizes, max_value=max_value) == expected


def counted(name: bytes, count: int) -> bytes:
    return pair(2, bytes((count,)) + b"".join(string(b"member %d" % number) for number in range(count)), name)


ELEMENTS = snapshot(key(b"string"), counted(b"one", 1), counted(b"five", 5), counted(b"sixty", 60))


@every("max_value", [rdbcodec.MAX_VALUE, 64])
@every(
    ("elements", "expected"),
    [
        ("1", [b"string", b"one"]),
        (">1", [b"five", b"sixty"]),
        ("5..59", [b"five"]),
        (["<60", ">=5"], [b"five"]),
        ("5,60", [b"five", b"sixty"]),
    ],
)
def test_keys_are_taken_by_how_many_elements_they_have(
    max_value: int, elements: Any, expected: list[bytes]
) -> None:
    assert taken(ELEMENTS, max_value=max_value, elements=elements) == expected
    assert not set(taken(ELEMENTS, max_value=max_value, not_elements=elements)) & set(expected)


def test_elements_are_counted_where_no_header_tells_them() -> None:
    """Of values of modules nobody counts them."""
    found = []
    for path in SNAPSHOTS:
        for entry in entries(path.read_bytes()):
            if entry.count is None:
                found.append(entry.row.name)
                number = sum(map(len, entry.items()))
                is_counted = entry.type != "module"
                assert Selection(elements=number).takes(entry) is is_counted, (path, entry)
                assert Selection(not_elements=number).takes(entry) is not is_counted, (path, entry)
    assert set(found) == {"hash-zipmap", "module-2"}


@pytest.mark.parametrize("size", [">1kb", "<4gb"])
def test_a_large_value_is_still_there_when_its_size_was_asked_for(size: str) -> None:
    selection = Selection(sizes=[size, ">1kb"])
    with rdbcodec.open(SIZES, max_value=2000) as reader:
        sizes = [
            sum(map(len, record.chunks())) for record in selection.select(reader) if isinstance(record, Entry)
        ]
    assert sizes == [1022, 5002]


@every(
    ("name", "slot"),
    [
        (b"123456789", 0x31C3),
        (b"", 0),
        (b"foo", 12182),
        (b"{user1000}.following", 3443),
        (b"{user1000}.followers", 3443),
        (b"user1000", 3443),
        (b"foo{}{bar}", 8363),
        (b"foo{{bar}}zap", 4015),
        (b"foo{bar}{zap}", 5061),
        (b"bar", 5061),
    ],
)
def test_the_slot_of_a_key_is_that_of_its_hash_tag(name: bytes, slot: int) -> None:
    assert key_slot(name) == slot
    data = snapshot(key(name))
    assert taken(data, slots=[(slot, slot)]) == [name]
    assert taken(data, slots=[(slot + 1, 16383)]) == []
    assert taken(data, slots=[(slot + 1, 16383), (0, slot)]) == [name]


def test_the_slot_of_a_key_is_what_a_server_says(tmp_path: Path) -> None:
    names = [b"{a}b", b"a{b}c{d}", b"{", b"}", b"{}", b"a{}", b"}{a}", b"{a", b"\xff\xfe{\x00}", b"x" * 100]
    node = Server(program("valkey-8.0"), tmp_path, "--cluster-enabled", "yes")
    try:
        assert [key_slot(name) for name in names] == [
            node.command("CLUSTER", "KEYSLOT", name) for name in names
        ]
    finally:
        node.stop()


# --- all together -----------------------------------------------------------------------------------


def test_every_filter_that_is_given_must_hold() -> None:
    data = snapshot(
        key(b"a:1"), key(b"a:2", expires_at_ms=NOW + 1), b"\xfe\x01", key(b"a:3", expires_at_ms=NOW + 1)
    )
    assert taken(data, globs=[b"a:*"], ttl=["any"], dbs=[0], sizes=["<100"], types=["string"]) == [b"a:2"]


def test_a_limit_counts_the_keys_that_are_taken_and_ends_there() -> None:
    assert taken(NAMES, limit=2, not_globs=[b"user:1"]) == [b"user:22", b"session:1"]
    assert taken(NAMES, limit=0) == []
    damaged = NAMES[:-9] + pair(0, b"\xf0")
    assert taken(damaged, limit=5)[-1] == b""


def test_what_is_no_key_is_no_filter_s_matter_but_functions_are_left_out() -> None:
    data = snapshot(b"\xf5" + string(b"#!lua name=f\n"), key(b"a"))
    left_out: Counter[str] = Counter()
    kept = list(Selection(globs=[b"b"]).select(rdbcodec.open(data), left_out))
    assert [type(record).__name__ for record in kept] == ["Header", "End"]
    assert left_out == {"function": 1}
    kept = list(Selection(globs=[b"b"], functions=True).select(rdbcodec.open(data), left_out))
    assert [type(record).__name__ for record in kept] == ["Header", "Function", "End"]
    assert left_out == {"function": 1}


def test_what_keydb_says_about_a_key_goes_and_stays_with_it() -> None:
    """Its time stamp stands before a key, the expiries of its members behind it."""
    remarks = [
        b"\xfa" + string(name) + string(value)
        for name, value in (
            (b"mvcc-tstamp", b"1"),
            (b"keydb-subexpire-key", b"m"),
            (b"keydb-subexpire-when", b"1700000000000"),
        )
    ]
    stamp, *expiry = remarks
    members = b"\x01\x01m"
    data = snapshot(
        stamp, pair(2, members, b"a"), *expiry, stamp, pair(2, members, b"b"), *expiry, magic=b"REDIS0009"
    )
    for chosen in (b"a", b"b"):
        kept = list(Selection(globs=[chosen]).select(rdbcodec.open(data)))
        assert [type(record).__name__ for record in kept] == [
            "Header",
            "Aux",
            "AttributedEntry",
            "Aux",
            "Aux",
            "End",
        ]
    kept = list(Selection(limit=1).select(rdbcodec.open(data)))
    assert [type(record).__name__ for record in kept] == ["Header", "Aux", "AttributedEntry", "Aux", "Aux"]


def test_a_selection_can_be_pickled_and_the_copy_begins_anew() -> None:
    lists = [key_list(b"user:1\nuser:22\n")]
    selection = Selection(types="STRING", listed=lists, globs=b"*2", ttl="none,>1h", limit=1, now_ms=NOW)
    assert [entry.key for entry in selection.chosen(entries(NAMES))] == [b"user:22"]
    copy = pickle.loads(pickle.dumps(selection))
    assert (selection.taken, copy.taken, copy.limit) == (1, 0, 1)
    assert [entry.key for entry in copy.chosen(entries(NAMES))] == [b"user:22"]


def test_a_name_that_is_no_filter_is_refused() -> None:
    with pytest.raises(TypeError) as raised:
        Selection(type="hash")  # type: ignore[call-arg] # that is what is tested
    assert str(raised.value) == (
        "'type' is no filter, expected dbs, types, encodings, ttl, idle, freq, keys, listed, prefixes, "
        "globs, patterns, slots, sizes, elements, or not_ before one"
    )


class Seen(Pass[list[tuple[str, bytes | int]]]):
    """What a pass is told, in its order; of values that pass by when their entries come."""

    looks_at_large = True

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes | int]] = []
        self.sizes: list[int] = []

    def batch(self, batch: Batch) -> None:
        for entry in batch.entries:
            if entry.is_large:
                self.seen.append(("large", self.sizes.pop(0)))
            self.seen.append(("key", entry.key))

    def large(self, entry: LargeEntry) -> None:
        self.sizes.append(sum(map(len, entry.chunks())))

    def record(self, record: Record) -> None:
        self.seen.append((type(record).__name__, record.offset))

    def end(self) -> list[tuple[str, bytes | int]]:
        return self.seen


def test_a_limit_takes_values_that_pass_by_in_the_order_of_the_file() -> None:
    data = snapshot(key(b"small"), counted(b"sixty", 60), key(b"smaller"))
    for limit in (1, 2, 3):
        with rdbcodec.open(data, max_value=64) as reader:
            seen = run(reader, [selected(Seen(), Selection(limit=limit))])[0]
        assert [name for kind, name in seen if kind == "key"] == [b"small", b"sixty", b"smaller"][:limit]


@pytest.mark.parametrize(
    "filters",
    [
        {"types": "hash,set,zset"},
        {"not_globs": b"*1*"},
        {"sizes": ">1kb"},
        {"elements": "2..200"},
        {"ttl": "any", "functions": True},
    ],
)
def test_a_pass_over_selected_keys_is_told_what_select_lets_through(filters: dict[str, Any]) -> None:
    """But for the counts that databases announce, which are of all keys."""
    for path in SNAPSHOTS[::3]:
        with rdbcodec.open(path, max_value=512) as reader:
            seen = run(reader, [selected(Seen(), Selection(**filters, now_ms=NOW))])[0]
        expected: list[tuple[str, bytes | int]] = []
        with rdbcodec.open(path, max_value=512) as reader:
            for record in Selection(**filters, now_ms=NOW).select(reader):
                if isinstance(record, Entry):
                    expected += [("large", sum(map(len, record.chunks())))] if record.is_large else []
                    expected.append(("key", record.key))
                elif not isinstance(record, Header | ResizeDb):
                    expected.append((type(record).__name__, record.offset))
        assert seen == expected, path


def test_a_pass_over_all_keys_is_the_pass_itself() -> None:
    every = Seen()
    assert selected(every, None) is selected(every, Selection()) is every


@pytest.mark.parametrize("max_value", [rdbcodec.MAX_VALUE, 64])
@pytest.mark.parametrize(
    "filters", [{"sizes": ">100", "limit": 1}, {"elements": ">50"}, {"types": "set", "not_elements": "<60"}]
)
def test_filters_hold_for_passes_over_memory_and_for_values_that_pass_by(
    max_value: int, filters: dict[str, Any]
) -> None:
    with rdbcodec.open(ELEMENTS, max_value=max_value) as reader:
        assert [key.key for key in rdbcodec.top(reader, selection=Selection(**filters))] == [b"sixty"]


def test_a_selection_without_filters_is_empty_and_takes_everything() -> None:
    assert Selection().is_empty
    assert all(map(Selection().takes, entries(NAMES)))
    assert not Selection(limit=3).is_empty
    assert not Selection(dbs=[0]).is_empty


TIMES = "units are ms, s, m, h, d, w"
A_TTL = f"expected none, any, expired, or the time left, such as <1h, >=30d or 1h..7d; {TIMES}"
A_SIZE = "expected a bound or a range such as >1mb, <=100b or 1kb..1mb; units are b, kb, mb, gb"


@every(
    ("filters", "message"),
    [
        (
            {"sizes": "1mb"},
            f"a size is '1mb', {A_SIZE}",
        ),
        (
            {"sizes": ">1m"},
            f"a size is '>1m', {A_SIZE}",
        ),
        (
            {"ttl": "soon"},
            f"a ttl is 'soon', {A_TTL}",
        ),
        (
            {"ttl": ["none,<5"]},
            f"a ttl is '<5', {A_TTL}",
        ),
        ({"ttl": "7d..1h"}, "a ttl is '7d..1h', which nothing can be: expected the lower end first"),
        (
            {"idle": "1d"},
            f"an idle time is '1d', expected a bound or a range such as >1d, <=1h or 1h..7d; {TIMES}",
        ),
        (
            {"elements": ">1k"},
            "a number of elements is '>1k', expected a number, a bound or a range such as 1, >1000 or 10..20",
        ),
        ({"freq": ">300"}, "a frequency is '>300', expected one within 0 to 255"),
        ({"dbs": "a"}, "a database is 'a', expected a number or a range such as 3, 0-15 or >0"),
        ({"slots": [(5, 16384)]}, "a slot is '5-16384', expected one within 0 to 16383"),
        ({"slots": [(5, 4)]}, "a slot is '5-4', which nothing can be: expected the lower end first"),
        (
            {"types": "hash,hsh"},
            f"no type 'hsh', known are {', '.join(dict.fromkeys(row.type for row in TYPES))}",
        ),
        ({"patterns": [b"("]}, "not a regular expression: missing ), unterminated subpattern at position 0"),
    ],
)
def test_a_filter_that_cannot_be_understood_says_what_was_expected(
    filters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as raised:
        Selection(**filters)
    assert str(raised.value) == message


def test_every_fixture_gives_all_of_its_keys_to_globs_and_their_negation(tmp_path: Path) -> None:
    for path in SNAPSHOTS:
        data = path.read_bytes()
        both = taken(data, globs=[b"*[0-9]*"]) + taken(data, not_globs=[b"*[0-9]*"])
        assert sorted(both) == sorted(entry.key for entry in entries(data))
