"""Questions about what a snapshot holds and what is around it: modules, databases, containers, memory."""

from __future__ import annotations

from collections.abc import Callable

from rdbcodec.compat.questions.format import START
from rdbcodec.compat.rewritten import PAGE
from rdbcodec.compat.rule import Answer, Case, Found, Unknown, missing
from rdbcodec.compat.target import Target, targets
from rdbcodec.facts.attributes import MetaFact
from rdbcodec.facts.modules import Module
from rdbcodec.facts.places import Place
from rdbcodec.facts.profile import Profile
from rdbcodec.limits import MAX_STRING
from rdbcodec.module_names import modules_named, types_named
from rdbcodec.module_names import product_of as product_of_type

# --- modules ----------------------------------------------------------------------------------------


def product_of(module: Module) -> str:
    """The product a module type belongs to; the type's own name where that is not known."""
    return product_of_type(module.name, module.version)


def _has(case: Case, module: Module) -> bool:
    """Whether the target is known to have the module: always, built in, or told."""
    loader = case.loader
    if loader is not None and module.name in (loader.modules or ()):
        return True
    names = (*case.target.modules, *(case.told("modules") or ()))
    rows = modules_named(names, None if loader is None else loader.dialect)
    return any(row.writes(module.name, module.version) for row in rows)


def _may_have(case: Case, module: Module) -> bool:
    return product_of(module) in case.target.optional_modules and case.told("modules") is None


def _reads_version(case: Case, module: Module) -> bool:
    return (case.target.module_versions or {}).get(module.name, module.version) == module.version


def lacked_modules(case: Case) -> list[Module]:
    """The modules of the file that the target is known not to have, or not in this encoding version."""
    return [
        module
        for module in case.profile.modules.values()
        if not (_has(case, module) and _reads_version(case, module)) and not _may_have(case, module)
    ]


def modules_lacked(case: Case) -> Answer:
    """Keys of modules the target does not have, vector sets aside."""
    modules = [module for module in lacked_modules(case) if module.keys and module.name != "vectorset"]
    return _module_answer([module for module in modules if not _is_doubtful(case, module)])


def modules_doubted(case: Case) -> Answer:
    """Keys of modules the target has something like, and nobody says whether that reads them."""
    modules = [module for module in lacked_modules(case) if module.keys and _is_doubtful(case, module)]
    found = _module_answer(modules)
    if found is None:
        return None
    says = "the file has data of {modules}; {target} has a module of that kind, and no page says whether it"
    words = says.format(target=case.target.name, **found.values)
    return Unknown(f"{words} reads these values (keys: {found.values['keys']:,})", found.place)


def _is_doubtful(case: Case, module: Module) -> bool:
    return product_of(module) in case.target.doubtful_modules


def vector_sets(case: Case) -> Answer:
    return _module_answer([module for module in lacked_modules(case) if module.name == "vectorset"])


def module_records(case: Case) -> Answer:
    """Records, beside the keys, of modules the target does not have, and no key of theirs."""
    loader = case.loader
    if "module-aux" in case.target.ignores or loader is None:
        return None
    modules = [module for module in case.profile.modules.values() if module.aux and not module.keys]
    if "module-aux" in loader.opcodes:
        modules = [module for module in lacked_modules(case) if module in modules]
    held = sum(module.aux - module.empty_aux for module in modules)
    answer = _module_answer(modules)
    content = f"data in {held:,} of them" if held else "all are empty"
    return Found({**answer.values, "content": content}, answer.place) if answer else None


def modules_refused(case: Case) -> Answer:
    """Keys of modules the target does not have and ends on."""
    return None if case.target.drops_modules else modules_lacked(case)


def modules_dropped(case: Case) -> Answer:
    """Keys of modules the target does not have and leaves out without an error."""
    return modules_lacked(case) if case.target.drops_modules else None


def _told_types(case: Case) -> frozenset[str]:
    return types_named(case.told("modules") or (), case.loader.dialect if case.loader else None)


def meta_needed(case: Case) -> Answer:
    """Metadata of module classes that a server must have, and the target is not told to."""
    loader, told = case.loader, _told_types(case)
    if loader is None or "key-meta" not in loader.opcodes:
        return None
    classes = case.profile.meta_classes.values()
    return _meta_answer([fact for fact in classes if not fact.may_be_ignored and fact.name not in told])


def meta_ignorable(case: Case) -> Answer:
    """Metadata of module classes that a server without them passes over."""
    loader, told = case.loader, _told_types(case)
    if loader is None or "key-meta" not in loader.opcodes:
        return None
    classes = case.profile.meta_classes.values()
    return _meta_answer([fact for fact in classes if fact.may_be_ignored and fact.name not in told])


def _meta_answer(facts: list[MetaFact]) -> Answer:
    if not facts:
        return None
    words = ", ".join(f"{fact.name} version {fact.version}" for fact in facts)
    values = {"classes": words, "keys": sum(fact.keys for fact in facts)}
    return Found(values, min((fact.first for fact in facts), key=lambda place: place.offset))


def _module_answer(modules: list[Module]) -> Found | None:
    if not modules:
        return None
    by_product: dict[str, list[str]] = {}
    for module in modules:
        by_product.setdefault(product_of(module), []).append(f"{module.name} {module.version}")
    words = ", ".join(f"{product} ({', '.join(types)})" for product, types in by_product.items())
    values = {"modules": words, "keys": sum(module.keys for module in modules)}
    return Found(values, min((module.first for module in modules), key=lambda place: place.offset))


def modules_maybe(case: Case) -> Answer:
    """Data of modules the target may have or not."""
    found = [module for module in case.profile.modules.values() if _may_have(case, module)]
    if not found:
        return None
    words = ", ".join(sorted({product_of(module) for module in found}))
    doubt = "whether it is enabled on the target was not told"
    if any(module.keys or module.full_aux for module in found):
        return Unknown(f"the file needs {words}; {doubt}", found[0].first, ("modules",))
    return Unknown(
        f"the file has empty records of {words}, and loads only where it is loaded too; {doubt}",
        found[0].first,
        ("modules",),
        "rdbcodec convert {file} --to {release} -o {out}",
    )


def module_version(case: Case) -> Answer:
    built_in = (case.loader.modules if case.loader else None) or ()
    judged = case.target.module_versions or {}
    return _module_answer(
        [
            module
            for module in case.profile.modules.values()
            if module.name not in built_in
            and module.name not in judged
            and (module.keys or module.full_aux)
            and (_has(case, module) or _may_have(case, module))
        ]
    )


# --- databases --------------------------------------------------------------------------------------


def databases_from(profile: Profile, limit: int) -> list[int]:
    """The databases of the file at or above a limit."""
    return sorted(db for db in profile.databases if db >= limit)


def database_values(case: Case, dbs: list[int]) -> Found:
    """What sentences about databases need: which they are, and the keys in them."""
    keys = sum(case.profile.databases[db].keys for db in dbs)
    values = {**databases_named(dbs), "keys": keys, "limit": case.target.databases}
    return Found(values, case.profile.databases[dbs[0]].first)


def databases_named(dbs: list[int]) -> dict[str, object]:
    """For sentences: "database 3" and "is", "databases 1, 3 and 9" and "are"."""
    numbers = [str(db) for db in dbs]
    if len(numbers) == 1:
        return {"databases": f"database {numbers[0]}", "are": "is"}
    return {"databases": f"databases {', '.join(numbers[:-1])} and {numbers[-1]}", "are": "are"}


def databases_beyond(case: Case) -> Answer:
    """Keys in databases the target does not have."""
    limit = case.target.databases
    beyond = [] if limit is None else databases_from(case.profile, limit)
    return database_values(case, beyond) if beyond else None


def refused_databases(case: Case) -> Answer:
    return databases_beyond(case) if case.target.beyond_databases == "refused" else None


def databases_unknown(case: Case) -> Answer:
    target, above = case.target, databases_from(case.profile, 1)
    if target.databases is None and above:
        says = f"how many databases {target.name} has is not known; the file uses {_numbers(above)}"
        return Unknown(says, case.profile.databases[above[0]].first)
    beyond = databases_beyond(case)
    if target.beyond_databases != "unknown" or not isinstance(beyond, Found):
        return None
    what = f"what becomes of the keys in {beyond.values['databases']} is not known"
    says = f"{target.name} has {target.databases} databases; {what}"
    return Unknown(says, beyond.place)


def _numbers(values: list[int]) -> str:
    return ", ".join(map(str, values))


def cluster_databases(case: Case) -> Answer:
    """Keys in databases a cluster does not have; whether it is one has to be told."""
    limit = case.target.cluster_databases
    beyond = [] if limit is None else databases_from(case.profile, limit)
    if not beyond or case.told("clustered") is False:
        return None
    return missing(case, "clustered") or database_values(case, beyond)


def cluster_slots(case: Case) -> Answer:
    return Found() if case.told("clustered") else None


def made_already(case: Case) -> Answer:
    """The target takes snapshots in only while it is created, and is there already."""
    if not case.target.at_creation_only or case.told("target_exists") is False:
        return None
    return missing(case, "target_exists") or Found()


# --- what is around the snapshot --------------------------------------------------------------------


def gzip_refused(case: Case) -> Answer:
    """The file is compressed, and the target does not unpack, or nobody says whether it does."""
    if "gzip" not in case.profile.containers or case.target.gzip == "yes":
        return None
    if case.target.gzip == "no":
        return Found({}, START)
    return Unknown(f"whether {case.target.name} takes gzipped files is not known", START)


def packed_pages(case: Case) -> Answer:
    """A gzip that fills whole pages, which it does hardly ever unless zeros were put behind it."""
    size, packed = case.profile.file_size, "gzip" in case.profile.containers
    if not packed or case.told("blob_type") != "page" or size is None or size % PAGE:
        return None
    says = "whether zeros behind a gzip are read, which fill its last page, no vendor page says"
    return Unknown(says, START)


def containers(case: Case) -> Answer:
    allowed = {"gzip", "vcs"} if case.target.vcs else {"gzip"}
    others = [name for name in case.profile.containers if name not in allowed]
    return Found({"container": others[0]}, START) if others else None


def tail(*kinds: str) -> Callable[[Case], Answer]:
    def question(case: Case) -> Answer:
        tail = case.profile.tail
        if tail is None or tail.kind not in kinds:
            return None
        return Found({"kind": tail.kind, "size": tail.size}, Place(case.profile.size))

    return question


def checksum(case: Case) -> Answer:
    if case.profile.checksum != "not verified":
        return None
    return Unknown(
        "the checksum was not verified; a server verifies it and refuses the file when it is wrong"
    )


def checksum_off(case: Case) -> Answer:
    return Found() if case.profile.checksum == "disabled" else None


def expired(case: Case) -> Answer:
    expired = case.profile.expiries.expired
    return Found({"count": expired}) if expired else None


def duplicates(case: Case) -> Answer:
    told = case.profile
    return Found({"count": told.duplicates}, Place(told.duplicate_at or 0)) if told.duplicates else None


def long_strings(case: Case) -> Answer:
    long = [
        big for big in case.profile.biggest if big.type == "string" and big.size > MAX_STRING
    ]  # cannot be written to
    return Found({"size": long[0].size}, Place(long[0].offset, long[0].db, long[0].key)) if long else None


def own_target_without_import(case: Case) -> Answer:
    """Ours have rows that say why; a user's own says only that."""
    return Found() if case.target.imports == "no" and not _is_ours(case.target) else None


def _is_ours(target: Target) -> bool:
    return target.id in targets()


def import_unknown(case: Case) -> Answer:
    if case.target.imports != "unknown":
        return None
    settles = "a page of the vendor that names an import of RDB files, or a try, would settle it"
    return Unknown(
        f"whether {case.target.name} imports snapshots of others is not known; {settles}",
        remedy=case.target.instead,
    )
