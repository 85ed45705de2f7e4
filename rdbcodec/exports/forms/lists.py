"""Lists: [element, ...]; in RESP RPUSH."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.datatypes.lists import List
from rdbcodec.exports.form import ELEMENT, Form, Members, array_text, by_element, pushed, pushed_once
from rdbcodec.exports.resp_words import Recipient
from rdbcodec.exports.scalars import json_bytes, plain_array, texts_of
from rdbcodec.records import Entry


def _members(value: List) -> Members:
    return {"value": [json_bytes(element) for element in value]}


def _list_of(members: Members) -> List:
    return List(texts_of(members["value"], "a list"))


def _plain(text: bytes) -> List | None:
    texts = plain_array(text)
    return None if texts is None else List(texts)


def _commands(entry: Entry, recipient: Recipient, value: Any) -> Iterator[bytes]:
    return pushed(b"RPUSH", entry, recipient, value)


FORMS = {
    "list": Form(
        _members,
        by_element(ELEMENT),
        _list_of,
        text=array_text,
        plain=_plain,
        commands=_commands,
        command=pushed_once(b"RPUSH"),
    )
}
