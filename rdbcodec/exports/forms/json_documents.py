"""JSON documents of Dragonfly: their text as bytes, with the class that tells them from strings."""

from __future__ import annotations

from rdbcodec.datatypes.json_documents import Json
from rdbcodec.exports.form import TEXT, Members, text_of


def _json_of(members: Members) -> Json:
    return Json(text_of(members))


FORMS = {"json": TEXT._replace(value=_json_of)}
