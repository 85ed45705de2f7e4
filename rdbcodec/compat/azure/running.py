"""`azure run`: the steps of a plan, done one after another, each told as it is done.

    plan, how -> Outcome, Outcome, ...

What is done here: files are prepared and uploaded, containers made, exports found, and a server compared with
what was imported. What only Azure does (roles, signatures, the import itself) is a command of `az`, run when
that is wanted and printed when not; what only the portal does is told.

The rules this file keeps:

* A plan whose answer is NO has no steps, so nothing is done.
* What is there already, of the right size, kind and MD5, is not uploaded again: a run that was interrupted
  is begun again with the same words. What is there and is not the same is kept unless `overwrite`.
* The file that is uploaded is the one that was judged, or made of it in a folder of its own.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from rdbcodec.compat.azure.case import PlannedFile
from rdbcodec.compat.azure.plan import Plan
from rdbcodec.compat.azure.shells import Address, Array, Command, Name
from rdbcodec.compat.azure.step import Step
from rdbcodec.compat.azure.tool import Az
from rdbcodec.compat.steps import Change, change_of
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import CHUNK, open_raw
from rdbcodec.remote import blobs
from rdbcodec.remote.blobs import Blob
from rdbcodec.remote.urls import name_of, scheme_of
from rdbcodec.tools.diff import Comparison, Difference, Terms, diff
from rdbcodec.writing.conversion import convert

PAUSE = 15  # seconds between two questions whether it has ended
_ENDED = ("Succeeded", "Failed", "Canceled")  # provisioningState of a cache that does nothing any more

State = Literal["done", "differs", "there", "would", "printed", "by hand"]


class Outcome(NamedTuple):
    """What became of a step, or of one file in it.

    `state` is "there" for what was done before, "would" in a rehearsal, "printed" for commands that were not
    run, "differs" for a server that does not hold what was imported. `said` is what was printed meanwhile,
    `compared` what the comparison found.
    """

    step: Step
    state: State
    what: str
    size: int | None = None
    blob: str | None = None
    seconds: float = 0.0
    said: tuple[str, ...] = ()
    compared: Comparison | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a plan is done.

    `open` opens a file of the plan by its name, `folder` gets what is made of files, `az` runs commands (None
    prints them), `rehearse` does nothing and says what would be done, `server` makes a snapshot of the cache,
    which is compared with what was imported.
    """

    open: Callable[[str], Reader]
    folder: Path
    az: Az | None = None
    rehearse: bool = False
    overwrite: bool = False
    ignore_tail: bool = False
    server: Callable[[], str] | None = None
    progress: Callable[[int, int], None] = lambda _done, _size: None


def run(plan: Plan, how: How) -> Iterator[Outcome]:
    """Do the steps of a plan. OSError or RdbError when one cannot be done; those behind it are not."""
    ready: dict[str, Path | str] = {}
    before: set[str] = set()
    for step in plan.steps:
        if step.kind == "export" and how.az is not None:
            before = {blob.url for blob in _exported(plan)}
        if step.kind == "prepare":
            yield from _prepared(plan, step, how, ready)
        elif step.kind == "container":
            yield _container(plan, step, how)
        elif step.kind == "upload":
            yield from _uploaded(plan, step, how, ready)
        elif step.kind == "fetch":
            yield from _found(plan, step, how, before)
        elif step.kind == "verify" and how.server is not None:
            yield from _verified(plan, step, how, how.server, ready)
        else:
            yield _commanded(plan, step, how)


def unnamed(plan: Plan, *, execute: bool) -> list[Name]:
    """The names that nobody told and that this run needs."""
    needed = {"STORAGE_ACCOUNT", "CONTAINER"}
    if execute:
        words = [word for step in plan.steps for one in _commands(step) for word in one.words]
        words += [one.prefix for step in plan.steps for one in _commands(step) if one.prefix]
        needed |= {name.variable for word in words for name in _names_in(word)}
    return [name for name in plan.names if name.variable in needed and name.value is None]


def _names_in(word: object) -> Iterator[Name]:
    if isinstance(word, Name):
        yield word
    elif isinstance(word, Address | Array):
        for part in word.parts if isinstance(word, Address) else word.words:
            yield from _names_in(part)


def _commands(step: Step) -> list[Command]:
    """What is run: az has the same words in every shell."""
    return [one for one in step.commands if isinstance(one, Command) and one.is_for("bash")]


# --- files ------------------------------------------------------------------------------------------


def _prepared(plan: Plan, step: Step, how: How, ready: dict[str, Path | str]) -> Iterator[Outcome]:
    for at, file in enumerate(plan.planned, 1):
        rewriting = [one for one in file.rewriting if one.kind != "pad"]  # a page blob is padded on its way
        if not rewriting and not scheme_of(file.name):
            continue
        out = how.folder / f"{at}-{Path(name_of(file.blob)).name}"
        what = f"{file.name}: {'; '.join(one.says for one in rewriting) or 'bring the file here'}"
        if how.rehearse:
            yield Outcome(step, "would", what)
            continue
        began = time.monotonic()
        if rewriting:
            _rewrite(file.name, out, change_of(rewriting[0]), how)  # unpacking comes with any of the others
        else:
            _bring(file.name, out)
        ready[file.name] = out
        yield Outcome(step, "done", what, out.stat().st_size, seconds=time.monotonic() - began)


def _rewrite(name: str, out: Path, change: Change, how: How) -> None:
    convert(
        lambda: how.open(name),
        out,
        to=change.server,
        fold_databases=change.fold,
        ignore_tail=how.ignore_tail,
    )


def _bring(url: str, out: Path) -> None:
    """A file that lies elsewhere, byte for byte."""
    raw, close = open_raw(url)
    try:
        with out.open("wb") as file:
            while data := raw.read(CHUNK):
                file.write(data)
    finally:
        close()


def url_of(plan: Plan, blob: str) -> str:
    """Where a blob of a plan is."""
    account = plan.name("STORAGE_ACCOUNT")
    host = f"@{account}.blob.core.windows.net" if account else ""
    return f"abfs://{plan.name('CONTAINER')}{host}/{blob}"


def _container(plan: Plan, step: Step, how: How) -> Outcome:
    what = f"container {plan.name('CONTAINER')}"
    if how.rehearse:
        return Outcome(step, "would", what)
    began = time.monotonic()
    made = blobs.make_container(url_of(plan, "-"))
    return Outcome(step, "done" if made else "there", what, seconds=time.monotonic() - began)


def _uploaded(plan: Plan, step: Step, how: How, ready: dict[str, Path | str]) -> Iterator[Outcome]:
    for file in plan.planned:
        if file.lies_there:
            yield Outcome(step, "there", f"{file.name} is imported from where it lies")
        elif how.rehearse:
            yield Outcome(step, "would", f"{file.ready} to {shown_url(plan, file)}", blob=plan.blob_type)
        else:
            yield _upload(plan, step, how, file, ready.get(file.name, file.name))


def shown_url(plan: Plan, file: PlannedFile) -> str:
    """Where a file's blob is, for a person."""
    return f"az://{plan.name('CONTAINER')}/{file.blob}"


def _upload(plan: Plan, step: Step, how: How, file: PlannedFile, path: Path | str) -> Outcome:
    began, is_page = time.monotonic(), plan.blob_type == "page"
    url = url_of(plan, file.blob)
    size, md5 = blobs.digest_of(path, page=is_page)
    there = blobs.blob_at(url)
    where = f"{file.name} to {shown_url(plan, file)}"
    if there is not None and (there.size, there.kind, there.md5) == (size, plan.blob_type, md5):
        return Outcome(step, "there", where, size, there.kind, time.monotonic() - began)
    if there is not None and not how.overwrite:
        raise OSError(
            errno.ECANCELED, f"{_unlike(there, size)}, --overwrite replaces it", shown_url(plan, file)
        )
    _send(path, url, size, how, is_page=is_page)
    now = blobs.blob_at(url)
    if now is None or (now.size, now.kind, now.md5) != (size, plan.blob_type, md5):
        raise OSError(errno.EIO, "what is there after the upload is not what was sent", shown_url(plan, file))
    return Outcome(step, "done", where, size, now.kind, time.monotonic() - began)


def _unlike(there: Blob, size: int) -> str:
    same = (
        "other bytes of the same size" if there.size == size else f"{there.size:,} bytes, these are {size:,}"
    )
    return f"a {there.kind} blob is there with {same}"


def _send(path: Path | str, url: str, size: int, how: How, *, is_page: bool) -> None:
    output = blobs.output_of(url, replace=how.overwrite, page=is_page)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a name as it was given
            while data := file.read(CHUNK):
                output.write(data)
                how.progress(file.tell(), size)
        output.commit()
    except BaseException:
        output.discard()
        raise


# --- commands ---------------------------------------------------------------------------------------


def _commanded(plan: Plan, step: Step, how: How) -> Outcome:
    """A step of the service's own: run, printed, or left to a person."""
    commands = _commands(step)
    if step.kind == "sign" and not commands:
        return Outcome(step, "there", f"the SAS of {', '.join(plan.variables)}")
    if not step.commands:
        return Outcome(step, "by hand", step.title)
    if how.az is None or how.rehearse or step.kind == "verify":
        return Outcome(step, "would" if how.rehearse else "printed", step.title)
    began = time.monotonic()
    if step.kind == "wait":
        return Outcome(step, "done", step.title, seconds=_waited(how.az, commands[0]))
    said = [how.az.run(command) for command in commands]
    lines = tuple(line for text in said for line in text.splitlines())
    return Outcome(step, "done", step.title, seconds=time.monotonic() - began, said=lines)


def _waited(az: Az, command: Command) -> float:
    """How long it took until the service says that it has ended, and well."""
    began = time.monotonic()
    while (state := az.run(command).strip()) not in _ENDED:
        time.sleep(PAUSE)
    if state != _ENDED[0]:
        raise OSError(errno.EIO, f"the cache says {state}", "az")
    return time.monotonic() - began


# --- exports ----------------------------------------------------------------------------------------


def _exported(plan: Plan) -> list[Blob]:
    prefix = plan.name("BLOB_PREFIX") or ""
    return blobs.blobs_of(url_of(plan, f"{prefix}*"))


def _found(plan: Plan, step: Step, how: How, before: set[str]) -> Iterator[Outcome]:
    """The blobs that an export made, each read to its end."""
    if how.az is None or how.rehearse:
        yield Outcome(step, "would" if how.rehearse else "printed", step.title)
        return
    new = [blob for blob in _exported(plan) if blob.url not in before]
    if not new:
        raise FileNotFoundError(
            errno.ENOENT, "the export left no new blob there", f"az://{plan.name('CONTAINER')}"
        )
    for blob in new:
        began = time.monotonic()
        name = f"az://{plan.name('CONTAINER')}/{blob.url.partition('://')[2].partition('/')[2]}"
        with how.open(blob.url) as reader:
            keys = sum(1 for record in reader if getattr(record, "key", None) is not None)
        yield Outcome(step, "done", f"{name}: {keys:,} keys", blob.size, blob.kind, time.monotonic() - began)


# --- comparing --------------------------------------------------------------------------------------


def _verified(
    plan: Plan, step: Step, how: How, server: Callable[[], str], ready: dict[str, Path | str]
) -> Iterator[Outcome]:
    """Each file against the cache; of several files each holds a part of it, so all keys are counted."""
    if how.rehearse:
        yield Outcome(step, "would", "compare the cache with what was imported")
        return
    began = time.monotonic()
    path, keys, held = server(), 0, 0
    terms = Terms(now_ms=time.time_ns() // 1_000_000)  # what expires from here on had not expired there
    for file in plan.planned:
        found = diff(partial(how.open, str(ready.get(file.name, file.name))), partial(how.open, path), terms)
        keys, held = keys + found.keys[0] - found.missing, found.keys[1]
        if len(plan.planned) > 1:  # what another file brought is not too much
            found = replace(found, extra=0, extra_expired=0, differences=_of_this(found))
        state: State = "done" if found.is_equal else "differs"
        yield Outcome(
            step, state, f"{file.name} and the cache", None, None, time.monotonic() - began, (), found
        )
    if len(plan.planned) > 1:
        what = f"{keys:,} of the {held:,} keys in the cache come from these files"
        yield Outcome(step, "done" if keys == held else "differs", what, seconds=time.monotonic() - began)


def _of_this(found: Comparison) -> list[Difference]:
    return [difference for difference in found.differences if difference.kind != "extra"]
