"""Every limit of this package, in one place: what is held in memory, and what is allowed in a file.

The two are different things, and this module keeps them apart:

* **Allowed** is what a server can hold: strings of 512 MiB, collections without end. Nothing that a
  server loads is ever called damaged because of its size.
* **Held** is what one command keeps in memory at a time. What is larger passes by in pieces: it is
  verified, counted, copied or written as text all the same.

Few things cannot pass by, because they are needed whole: keys, names, function libraries, AUX fields. Where
such a limit ends something, the error is LimitExceeded and the exit code 1. It says that the tool stopped,
not that the data is wrong; what lets it go on stands in the last column.

    limit             holds for                                        raised by
    MAX_VALUE         values asked for whole, by the library's user    max_value=
    MAX_RECORD        keys, names, functions, AUX fields, blobs        max_value=, max_record=, --max-value
    MAX_UNPACKED      what a single string unpacks to, held            max_value=
    MAX_TEMPLATES     names of hash templates, all of a file           max_value=, max_record=, --max-value
    MAX_ZSTD_WINDOW   the window of zstd                               unpacking the file first
    COUNTED_VALUE     values held by inspect, compat and azure         nothing: larger ones pass by
    CHECKED_VALUE     values held by check                             nothing: larger ones pass by
    COPIED_VALUE      values held by dump, keys and filter             nothing: larger ones pass by
    LAID_OUT_VALUE    values that convert lays out as a server would   nothing: larger ones pass by

An element that is itself larger than what is held is verified in pieces, or goes through a temporary file
(wire.long_strings). Only `encode` holds what it reads: memory in proportion to its longest line.

Sizes of buffers and batches are no limits and stay where they are used; what a field of the format can
say stands beside the format.
"""

from __future__ import annotations

KIB, MIB = 1 << 10, 1 << 20
BYTES = {"": 1, "b": 1, "kb": KIB, "mb": MIB, "gb": 1 << 30}  # the units in which users say sizes

# --- allowed ----------------------------------------------------------------------------------------

# The longest string that a server takes by default (proto-max-bulk-len). Longer ones load where the
# setting was raised, so this is a fact to tell, not a reason to refuse.
MAX_STRING = 512 * MIB

# --- held: what a caller of the library may raise -----------------------------------------------------

# Bytes of the largest value that is held, on disk and unpacked. Servers write strings up to 512 MiB
# and collections without end; 64 MiB is more than nearly all and little enough for any machine.
MAX_VALUE = 64 * MIB

# The least that `max_value` can be: strings of one length byte are held, whatever it says.
MIN_VALUE = 64

# Keys, function libraries, AUX fields and compressed blobs cannot pass by. Whoever asks for smaller
# values than this does not thereby refuse them.
MAX_RECORD = 64 * MIB

# A hash template is held until the file ends: field names of all of them together (some hundred bytes
# each in Python), and bytes. Whoever raises MAX_RECORD raises these with it.
MAX_TEMPLATE_NAMES = MAX_RECORD >> 8
MAX_TEMPLATES = MAX_RECORD >> 2

# How much one call may unpack, when nobody says.
MAX_UNPACKED = 64 * MIB

# The window that a zstd frame may ask for: `--ultra` and `--long` of the command line ask for more.
MAX_ZSTD_WINDOW = 16 * MIB

# --- held: what the commands choose, so that each of them stays below 64 MiB --------------------------

# inspect, compat and azure hold a batch of 512 records at once: 512 * 32 KiB = 16 MiB. Larger batches
# measured no faster; larger values pass by, which costs a walk in pieces.
COUNTED_VALUE = 32 * KIB

# check decodes values up to this size whole, larger ones in batches: a few hundred KiB become some ten
# MiB of Python objects.
CHECKED_VALUE = 128 * KIB

# dump, keys and filter only copy or tell values: what it takes for the peak to stay below 64 MiB when
# the value is made of very small elements.
COPIED_VALUE = 256 * KIB

# convert lays out a value for its target as a server would, with all of its elements in memory: 512 KiB of
# the smallest become some 30 MiB of Python objects. Larger collections are tables in every server, so that
# only the quicklist of a larger list becomes one, which every server loads.
LAID_OUT_VALUE = 512 * KIB

# A string is told as text at once up to this size, of which a few copies are made; a longer one goes through
# a temporary file.
HELD_TEXT = 2 * MIB

# Names that --keys-from lists: of more than a few a digest of 16 bytes each is held.
MAX_LISTED = 1 << 22

# Prefixes that a fingerprint tells apart: of more there are digests of databases only.
MAX_TOLD_PREFIXES = 1 << 15

# An element of a packed structure that is decoded in pieces, when the caller says nothing else. Servers pack
# elements of 64 bytes by default.
MAX_ELEMENT = 16 * MIB

# --- counted: what no server writes must not use up the memory ----------------------------------------

MAX_AUX = 256  # AUX names of their own that a profile keeps
MAX_AUX_VALUE = 32 * KIB  # bytes of each of their values
MAX_KEY_KEPT = KIB  # bytes of a key's name that a report keeps: keys may have 64 MiB, and it names many
MAX_SLOT_RANGES = 1 << 14  # of one import: a cluster has so many slots
MAX_MODULES = 1 << 12  # ids of modules, each with its version, that a profile names; servers load a few
MAX_OPEN_TAGS = 256  # records that come interleaved (Dragonfly), each with a decoder of its own
MAX_DATABASES = 1 << 16  # servers are configured for 16 databases, some users for hundreds
MAX_PROBLEMS = 100  # that check lists; the rest is counted. A file damaged everywhere needs no longer list
