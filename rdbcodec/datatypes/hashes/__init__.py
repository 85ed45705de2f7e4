"""Hashes: plain, zipmap, ziplist, listpack, with field TTLs in six layouts, and by template.

Here is what others need of them; every reader of snapshots loads it, and the layouts when there are hashes.
"""

from rdbcodec.datatypes.hashes.value import (
    MAX_EXPIRY,
    Field,
    Hash,
    Referring,
    check_template,
    natural_hash,
    template_of,
)

__all__ = ["MAX_EXPIRY", "Field", "Hash", "Referring", "check_template", "natural_hash", "template_of"]
