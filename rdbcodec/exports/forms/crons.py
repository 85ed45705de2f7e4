"""Cron jobs of KeyDB: {"script", "start_ms", "interval_ms", "keys", "arguments"}."""

from __future__ import annotations

from rdbcodec.datatypes.crons import Cron
from rdbcodec.exports.form import Form, Members, whole
from rdbcodec.exports.scalars import all_of, bytes_of, json_bytes, texts_of, time_of


def _members(value: Cron) -> Members:
    job = {
        "script": json_bytes(value.script),
        "start_ms": value.start_ms,
        "interval_ms": value.interval_ms,
        "keys": [json_bytes(key) for key in value.keys],
        "arguments": [json_bytes(argument) for argument in value.arguments],
    }
    return {"value": job}


def _cron_of(members: Members) -> Cron:
    names = ("script", "start_ms", "interval_ms", "keys", "arguments")
    job = all_of(members["value"], "a cron job", names)
    times = [time_of(job[name], name) for name in ("start_ms", "interval_ms")]
    words = [texts_of(job[name], name) for name in ("keys", "arguments")]
    return Cron(bytes_of(job["script"], "script"), times[0], times[1], words[0], words[1])


FORMS = {"cron": Form(_members, whole(_members), _cron_of)}
