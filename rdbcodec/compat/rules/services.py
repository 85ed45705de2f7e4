"""Rules of services that want files named or made in a way of their own, or take none at all."""
# ruff: noqa: E501 - a table

from __future__ import annotations

from collections.abc import Callable

from rdbcodec.compat.questions.data import modules_doubted
from rdbcodec.compat.questions.memory import beyond_share
from rdbcodec.compat.rule import Answer, Case, Found, Rule, Unknown, always

_AWS_SHARE = 0.75  # of a node's memory: reserved-memory-percent is 25 by default


def ends_otherwise(*endings: str) -> Callable[[Case], Answer]:
    """The question whether the name of the object ends in none of these; nobody is asked for it."""

    def question(case: Case) -> Answer:
        name: str | None = case.told("object_name")
        return None if name is None or name.endswith(endings) else Found({"name": name})

    return question


def unread_parts(case: Case) -> Answer:
    """Streams and function libraries, of which the file that was read of Kvrocks says nothing."""
    types = [kind for kind in case.profile.kinds.values() if kind.row.type == "stream"]
    parts = ["streams"] * bool(types) + ["function libraries"] * bool(case.profile.functions)
    if not parts:
        return None
    says = f"whether {case.target.name} loads {' and '.join(parts)} is not known: what was read of its source"
    return Unknown(f"{says} does not tell", types[0].first if types else None)


def functions(case: Case) -> Answer:
    """Function libraries, on the way to a service whose sharded clusters do without."""
    if not case.profile.functions:
        return None
    return Found({"count": len(case.profile.functions)}, count=len(case.profile.functions))


_DOC = "documented"

# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("AWS-MODULE", ("elasticache-*",), "unknown", modules_doubted, "", None, ("aws-ec-own-modules",),
         "JSON and Bloom filters", "unverified"),
    Rule("AWS-RESERVED", ("aws",), "warning", beyond_share(_AWS_SHARE),
         "{data} needs {used}; by default a node keeps a quarter of its memory back and leaves {left}",
         "choose a larger node, or lower reserved-memory-percent", ("aws-memory",), "reserved-memory-percent", _DOC),
    Rule("GCP-NAME", ("memorystore-redis-*", "!memorystore-redis-cluster"), "blocker", ends_otherwise(".rdb"),
         "the object is called {name!r}; its name has to end in .rdb", "rename the object", ("gcp-import",),
         "instances import", _DOC),
    Rule("RE-NAME", ("redis-enterprise",), "warning", ends_otherwise(".rdb", ".rdb.gz"),
         "the object is called {name!r}; files for an import are called .rdb or .rdb.gz", "rename the object",
         ("re-import",), "import data", _DOC),
    Rule("KVROCKS-OPEN", ("kvrocks",), "unknown", unread_parts, "", None, ("kvrocks-src",), "rdb.h", "unverified"),
    Rule("DF-CLOUD-WIPE", ("dragonfly-cloud",), "warning", always,
         "a restore clears what is in the data store", "back it up first", ("dfcloud",), "restore", _DOC),
    Rule("OCI-FUNCTIONS", ("oci-cache",), "warning", functions,
         "the file has function libraries ({count:,}), and sharded clusters have no FUNCTION command",
         "use a cluster that is not sharded, or leave them out", ("oci-commands",), "restricted commands", "inferred"),
    Rule("UPSTASH-NOFILE", ("upstash",), "blocker", always,
         "{target} takes no files: its console copies from a running Redis, and empties the database first",
         "load the file into a server of your own and import from there, or send the commands of "
         "rdbcodec dump {file} --format resp with redis-cli --pipe", ("upstash-import",), "import", _DOC),
)
# fmt: on
