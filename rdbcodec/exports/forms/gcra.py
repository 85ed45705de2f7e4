"""Rate limits by GCRA: an integer."""

from __future__ import annotations

from rdbcodec.datatypes.gcra import Gcra
from rdbcodec.exports.form import Form, Members, whole
from rdbcodec.exports.scalars import MAX_UNSIGNED, integer_of


def _members(value: Gcra) -> Members:
    return {"value": value}


def _gcra_of(members: Members) -> Gcra:
    return Gcra(integer_of(members["value"], "the value", 0, MAX_UNSIGNED))


FORMS = {"gcra": Form(_members, whole(_members), _gcra_of)}
