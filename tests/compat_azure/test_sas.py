"""SAS URIs, judged without a network; the sections named are those of the page
"Import and export data in Azure Managed Redis" as of 2024-11-15.
"""

from __future__ import annotations

import calendar
import itertools
from pathlib import Path

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.compat.azure.sas import EXPORT_PERMISSIONS, RULES, check
from rdbcodec.compat.circumstances import OPERATIONS, Operation
from rdbcodec.compat.rule import Finding
from rdbcodec.remote.signed_uri import Sas, parse

NOW_MS = calendar.timegm((2026, 11, 22, 18, 0, 0)) * 1000
MINUTE_MS = 60_000
SIGNATURE = "c2VjcmV0%2Bsignature%3D"
PLACE = "https://account.blob.core.windows.net/exports"


def uri(place: str = f"{PLACE}/dump.rdb", /, **changes: str | None) -> str:
    """A SAS that is fine for an import, but for the changes; None leaves a parameter out."""
    fields: dict[str, str | None] = {
        "sv": "2024-08-04",
        "se": "2026-11-23",
        "sr": "b",
        "sp": "r",
        "sig": SIGNATURE,
    }
    fields.update(changes)
    return f"{place}?" + "&".join(f"{name}={value}" for name, value in fields.items() if value is not None)


def container(**changes: str | None) -> str:
    return uri(PLACE, **{"sr": "c", "sp": "racwdtm", **changes})


def found(text: str, operation: Operation = "import") -> dict[str, str]:
    """Severity and sentence of each finding, by id."""
    findings = check(parse(text), operation=operation, now_ms=NOW_MS)
    return {one.id: f"{one.severity}: {one.says}" for one in findings}


def at(minutes: int) -> str:
    """A time so many minutes from now, as a SAS writes it."""
    hours, minute = divmod(18 * 60 + minutes, 60)
    return f"2026-11-22T{hours:02}:{minute:02}:00Z"


def test_a_good_sas_says_all_but_its_signature() -> None:
    text = uri(st="2026-11-22T17:00Z", spr="https", sip="10.0.0.1-10.0.0.9", se="2026-11-23T00:00:00Z")
    assert parse(text) == Sas(
        is_url=True,
        scheme="https",
        host="account.blob.core.windows.net",
        container="exports",
        blob="dump.rdb",
        expires_at_ms=NOW_MS + 6 * 60 * MINUTE_MS,
        starts_at_ms=NOW_MS - 60 * MINUTE_MS,
        permissions="r",
        resource="b",
        protocols="https",
        addresses="10.0.0.1-10.0.0.9",
        version="2024-08-04",
        has_signature=True,
    )
    assert parse(text).account == "account"


def test_good_ones_have_no_findings() -> None:
    assert found(uri()) == {}
    assert found(container(), "export") == {}


# --- times: FAQ "I received a timeout error during my Import/Export operation" ------------------------


def test_a_sas_ending_in_59_minutes_is_refused() -> None:
    assert found(uri(se=at(59))) == {
        "AZ-SAS-SE": "blocker: the SAS ends in 59 minutes, it needs at least 1 hour"
    }


@pytest.mark.parametrize("minutes", [60, 61])
def test_a_sas_ending_in_an_hour_or_61_minutes_is_taken(minutes: int) -> None:
    assert found(uri(se=at(minutes))) == {}


def test_an_expired_sas_is_called_expired_only() -> None:
    assert found(uri(se=at(-125))) == {"AZ-SAS-EXPIRED": "blocker: the SAS expired 2 hours 5 minutes ago"}
    assert found(uri(se=at(0))) == {"AZ-SAS-EXPIRED": "blocker: the SAS expired 0 s ago"}


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (-14, "the SAS started 14 minutes ago"),
        (0, "the SAS started 0 s ago"),
        (30, "the SAS starts in 30 minutes"),
    ],
)
def test_a_start_less_than_15_minutes_back_is_refused(minutes: int, says: str) -> None:
    sentence = f"blocker: {says}, a start must lie at least 15 minutes back"
    assert found(uri(st=at(minutes))) == {"AZ-SAS-ST": sentence}


@pytest.mark.parametrize("minutes", [-15, -16])
def test_a_start_15_minutes_back_is_taken(minutes: int) -> None:
    assert found(uri(st=at(minutes))) == {}


# --- user delegation SAS: `az storage blob generate-sas --as-user` signs with a key of its own life --------


def test_a_key_that_ends_before_the_sas_ends_it() -> None:
    ends = "the user delegation key of the SAS (ske)"
    assert found(uri(ske=at(30), skt=at(-60))) == {
        "AZ-SAS-SE": f"blocker: {ends} ends in 30 minutes, it needs at least 1 hour"
    }
    assert found(uri(ske=at(-30), skt=at(-60))) == {
        "AZ-SAS-EXPIRED": f"blocker: {ends} expired 30 minutes ago"
    }
    assert found(uri(se=at(30), ske=at(61), skt=at(-60))) == {
        "AZ-SAS-SE": "blocker: the SAS ends in 30 minutes, it needs at least 1 hour"
    }
    assert found(uri(ske=at(61), skt=at(-60))) == {}


@pytest.mark.parametrize(
    ("times", "life"),
    [
        ({"se": "2026-11-30T18:00Z", "ske": "2026-11-30T18:00Z", "skt": "2026-11-22T18:00Z"}, "8 days"),
        (
            {"se": "2026-11-29T18:01Z", "ske": "2026-11-29T18:00Z", "skt": "2026-11-22T18:00Z"},
            "7 days 1 minute",
        ),
        ({"se": "2026-11-30", "ske": "2026-11-30"}, "7 days 6 hours"),
    ],
)
def test_no_user_delegation_sas_lives_longer_than_7_days(times: dict[str, str], life: str) -> None:
    says = f"the SAS is to live {life}, and a user delegation key lives 7 days at most"
    assert found(uri(**times)) == {"AZ-SAS-KEY-LIFE": f"blocker: {says}"}


def test_a_sas_of_7_days_or_of_an_account_key_may_live_so_long() -> None:
    week = "2026-11-29T18:00:00Z"
    assert found(uri(se=week, ske=week, skt="2026-11-22T18:00:00Z")) == {}
    assert found(uri(se="2027-11-22")) == {}


def test_a_key_that_has_not_begun_signs_nothing_yet() -> None:
    says = "blocker: the user delegation key of the SAS (skt) starts in 5 minutes"
    assert found(uri(ske=at(120), skt=at(5))) == {"AZ-SAS-SKT": says}
    assert found(uri(ske=at(120), skt=at(0))) == {}


def test_a_key_with_times_of_no_form_is_named() -> None:
    says = "unknown: the value has not the form the parameter needs: ske, skt"
    assert found(uri(ske="soon", skt="2026-13-01")) == {"AZ-SAS-FORM": says}


def test_no_expiry_is_refused_but_a_policy_may_hold_it() -> None:
    none = "blocker: the URI has neither an expiry (se) nor a stored access policy (si)"
    hidden = "unknown: a stored access policy may hold what the URI does not say: se, st, sp"
    assert found(uri(se=None)) == {"AZ-SAS-NOSE": none}
    assert found(uri(se=None, sp=None, si="readers")) == {"AZ-SAS-SI": hidden}


def test_a_policy_that_has_nothing_left_to_say_is_not_asked_for() -> None:
    assert found(uri(st=at(-60), si="readers")) == {}


FORMS = [
    ("2026-11-22", NOW_MS - 18 * 60 * MINUTE_MS),
    ("2026-11-22T18:00Z", NOW_MS),
    ("2026-11-22T18:00:00Z", NOW_MS),
    ("2026-11-22T18%3A00%3A30Z", NOW_MS + 30_000),
    ("2026-11-22T18:00:00%2B02:30", NOW_MS - 150 * MINUTE_MS),
    ("2026-11-22T18:00-01:00", NOW_MS + 60 * MINUTE_MS),
    ("2024-02-29", calendar.timegm((2024, 2, 29, 0, 0, 0)) * 1000),
]


@pytest.mark.parametrize(("written", "ms"), FORMS)
def test_times_of_every_form_are_read(written: str, ms: int) -> None:
    assert parse(uri(se=written)).expires_at_ms == ms


BAD_TIMES = ["", "tomorrow", "2026-13-01", "2025-02-29", "2026-11-22T18Z", "2026-11-22T18:00", "0000-01-01"]
BAD_TIMES += [
    "2026-11-22T24:00Z",
    "2026-11-22T18:60Z",
    "2026-11-22T18:00:60Z",
    "20261122",
    "2026-11-22 18:00Z",
]


@every("written", BAD_TIMES)
def test_a_time_of_no_known_form_is_unknown_not_ok(written: str) -> None:
    sentence = "unknown: the value has not the form the parameter needs: se"
    assert found(uri(se=written)) == {"AZ-SAS-FORM": sentence}


# --- permissions: FAQ "Which permissions need to be granted ..." --------------------------------------


@pytest.mark.parametrize("letter", EXPORT_PERMISSIONS)
def test_an_export_needs_each_of_the_seven_permissions(letter: str) -> None:
    rest = "racwdtm".replace(letter, "")
    sentence = f"blocker: the permissions (sp) lack {EXPORT_PERMISSIONS[letter]} ({letter})"
    assert found(container(sp=rest), "export") == {"AZ-SAS-PERM-EXPORT": sentence}


def test_the_seven_permissions_are_those_of_the_document() -> None:
    named = ["read", "add", "create", "write", "delete", "tag", "move"]
    assert list(EXPORT_PERMISSIONS.values()) == named


def test_an_import_needs_read_and_nothing_else() -> None:
    assert found(uri(sp="rl")) == {}
    assert found(uri(sp="wl")) == {"AZ-SAS-PERM-IMPORT": "blocker: the permissions (sp) lack read (r)"}
    assert found(uri(sp=None)) == {"AZ-SAS-PERM-IMPORT": "blocker: the permissions (sp) lack read (r)"}


# --- what it is a signature of ------------------------------------------------------------------------


def test_an_import_wants_blobs_and_an_export_a_container() -> None:
    one_container = "warning: the SAS is one for a container (sr=c), an import names blobs"
    one_blob = "warning: the SAS is one for a blob (sr=b), an export writes into a container"
    assert found(container()) == {"AZ-SAS-RESOURCE": one_container}
    assert found(uri(sp="racwdtm"), "export") == {"AZ-SAS-RESOURCE": one_blob}
    assert found(uri(PLACE)) == {"AZ-SAS-RESOURCE": "warning: the URI names no blob"}
    no_container = uri("https://account.blob.core.windows.net", sr="c", sp="racwdtm")
    assert found(no_container, "export") == {"AZ-SAS-RESOURCE": "warning: the URI names no container"}


def test_an_account_sas_must_be_for_blobs() -> None:
    account: dict[str, str | None] = {"sr": None, "ss": "b", "srt": "sco"}
    assert found(uri(**account)) == {}
    says = "blocker: the account SAS is for other services than blobs (ss=qt)"
    assert found(uri(**{**account, "ss": "qt"})) == {"AZ-SAS-SERVICE": says}


def test_a_host_that_is_no_blob_endpoint_is_a_warning() -> None:
    says = "warning: the host account.file.core.windows.net is no blob endpoint (ACCOUNT.blob.core...)"
    assert found(uri("https://account.file.core.windows.net/c/b")) == {"AZ-SAS-HOST": says}
    assert found(uri("https://account.blob.core.chinacloudapi.cn/c/b")) == {}


def test_http_is_a_warning_and_refused_when_the_sas_says_https() -> None:
    place = "http://account.blob.core.windows.net/c/b"
    plain = "warning: the URI begins with http://, the signature would travel readable"
    refused = "blocker: the URI begins with http://, and its spr allows https only"
    assert found(uri(place)) == {"AZ-SAS-HTTP": plain}
    assert found(uri(place, spr="https,http")) == {"AZ-SAS-HTTP": plain}
    assert found(uri(place, spr="https")) == {"AZ-SAS-SPR": refused, "AZ-SAS-HTTP": plain}


def test_an_address_range_is_a_warning() -> None:
    says = "warning: the SAS is bound to client addresses (sip); the cache's own address must be among them"
    assert found(uri(sip="168.1.5.60-168.1.5.70")) == {"AZ-SAS-SIP": says}


def test_a_version_of_the_future_or_none_is_unknown() -> None:
    assert found(uri(sv="2026-11-22")) == {}
    future = "unknown: the version 2031-01-01 (sv) is none that can exist yet"
    assert found(uri(sv="2031-01-01")) == {"AZ-SAS-SV": future}
    none = "unknown: the URI names no version of the storage service (sv)"
    assert found(uri(sv=None)) == {"AZ-SAS-SV": none}


# --- text that is no SAS ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["", "dump.rdb", "ftp://account.blob.core.windows.net/c/b", "https://[1/c/b"]
)
def test_what_is_no_url_is_a_finding(place: str) -> None:
    says = "blocker: this is no https://ACCOUNT.blob.core.../CONTAINER/BLOB?PARAMETERS"
    assert found(uri(place)) == {"AZ-SAS-URL": says}


def test_a_token_alone_is_read_and_called_no_url() -> None:
    token = uri(se=at(59)).partition("?")[2]
    assert list(found(token)) == ["AZ-SAS-URL", "AZ-SAS-SE"]


def test_a_missing_or_empty_signature_is_a_finding() -> None:
    says = {"AZ-SAS-SIG": "blocker: the URI has no signature (sig)"}
    assert found(uri(sig=None)) == says
    assert found(uri(sig="")) == says


def test_repeated_parameters_are_named() -> None:
    says = "blocker: given more than once: se, sig"
    assert found(uri() + f"&se=2027-01-01&sig={SIGNATURE}") == {"AZ-SAS-REPEATED": says}


def test_a_storage_key_behind_a_semicolon_is_found_and_not_kept() -> None:
    assert found(uri() + ";c3RvcmFnZWtleQ==") == {
        "AZ-SAS-LEFTOVER": "warning: text follows the parameters behind a semicolon"
    }
    assert "c3Rv" not in repr(parse(uri(sp="r;c3RvcmFnZWtleQ==")))


# --- the signature stays where it was -----------------------------------------------------------------

HIDING = [
    uri(),
    uri().replace("?", "&"),  # a query that never begins
    uri().replace("&", "&amp;"),
    uri().replace("?", "%3F").replace("&", "%26").replace("=", "%3D"),
    uri().replace("?", "%253F").replace("&", "%2526").replace("=", "%253D"),
    uri(se=f"2026-11-23%26sig%3D{SIGNATURE}"),
    uri(sp=f"r%26sig={SIGNATURE}"),
    uri(sv=SIGNATURE),
    uri(sip=SIGNATURE),
    uri(si=SIGNATURE),
    uri(f"https://user:{SIGNATURE}@account.blob.core.windows.net/c/b"),
    uri() + f"#{SIGNATURE}",
    uri() + f"&skt={SIGNATURE}",
    uri().replace("sig=", "SIG="),
    f"{uri()}&sig={SIGNATURE}",
    f"https://account.blob.core.windows.net&sig={SIGNATURE}",
    f"sig={SIGNATURE}",
]


@every("operation", OPERATIONS)
@every("text", HIDING)
def test_the_signature_is_nowhere_in_facts_and_findings(text: str, operation: Operation) -> None:
    facts = parse(text)
    told = [
        repr(facts),
        str(facts._asdict()),
        str(check(facts, operation=operation, now_ms=NOW_MS)),
    ]
    for place, piece in itertools.product(told, ("c2Vj", "signature%", "signature+")):
        assert piece not in place


@given(st.text() | st.from_regex(r"https?://[a-z.:@\[\]/?&=;%#]*", fullmatch=True))
def test_any_text_gives_facts_and_findings(text: str) -> None:
    for operation in OPERATIONS:
        assert isinstance(check(parse(text), operation=operation, now_ms=NOW_MS), list)


# --- the table ----------------------------------------------------------------------------------------


def test_every_finding_says_who_said_so() -> None:
    assert check(parse(uri(se=at(59))), operation="import", now_ms=NOW_MS) == [
        Finding(
            id="AZ-SAS-SE",
            severity="blocker",
            says="the SAS ends in 59 minutes, it needs at least 1 hour",
            remedy="make a new SAS that ends well over an hour after the operation starts",
            source='seed: FAQ "I received a timeout error ..."',
            date="2024-11-15",
            confidence="documented",
        )
    ]
    assert all(all(rule.evidence) and rule.remedy for rule in RULES)


def test_every_rule_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in text] == []
