"""`rdbcodec mask IN -o OUT`: the same snapshot with other content."""

from __future__ import annotations

import argparse
import os

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    STDIN,
    USAGE,
    Refusal,
    add_report_format_argument,
    add_source_arguments,
    add_tail_argument,
    input_of,
    print_json,
    progress_of,
    tail_code,
)
from rdbcodec.cli.numbers import number
from rdbcodec.cli.outputs import (
    add_compress_argument,
    add_output_arguments,
    compression_of,
    path_of,
    print_account,
    whole_stdout,
)
from rdbcodec.cli.watching import Watched
from rdbcodec.facts.selection import Selection
from rdbcodec.reports import masking as report
from rdbcodec.tools.mask import Masked, mask
from rdbcodec.writing.output import OutputLike

HELP = "write the same snapshot with other content, so that it can be given away"
ORDER = 97
SEED_VARIABLE = "RDBCODEC_MASK_SEED"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    add_output_arguments(parser)
    add_compress_argument(parser)
    parser.add_argument(
        "--seed",
        metavar="TEXT",
        help="the same seed makes the same of the same; who has it can try guesses, so better give it in "
        f"${SEED_VARIABLE} (default: a secret that is thrown away)",
    )
    parser.add_argument(
        "--keys",
        action="store_true",
        help="replace keys, too: same length, same cluster slot; words of four letters or more before a "
        "colon alike in all",
    )
    parser.add_argument(
        "--keep-prefix",
        type=number(),
        default=0,
        metavar="N",
        help="keep keys up to their colon number N (default: 0, and all colons)",
    )
    parser.add_argument("--any-slot", action="store_true", help="keys may come into other cluster slots")
    parser.add_argument("--keep-fields", action="store_true", help="keep the names of fields")
    parser.add_argument("--keep-functions", action="store_true", help="keep function libraries as they are")
    parser.add_argument(
        "--allow-loss",
        action="store_true",
        help="leave out what cannot be masked: values of modules, sketches, functions",
    )
    add_report_format_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file, and say what is in it."""
    if not options.keys and (options.keep_prefix or options.any_slot):
        raise Refusal(USAGE, "--keep-prefix and --any-slot are about keys that are replaced: add --keys")
    name, selection = options.files[0], selecting.selection_of(options)
    seed = options.seed if options.seed is not None else os.environ.get(SEED_VARIABLE)
    if options.output == STDIN:
        with whole_stdout() as output:
            found = _masked(name, output, seed, selection, options)
    else:
        found = _masked(name, path_of(options), seed, selection, options)
    asked = report.Asked(
        options.keys, options.keep_prefix, options.any_slot, options.keep_fields, seed is not None
    )
    if options.format == "json" and options.output != STDIN:
        print_json(report.as_json(name, options.output, found, asked, hide_keys=options.hide_keys))
    else:
        told = report.lines(name, options.output, found, asked, hide_keys=options.hide_keys)
        print_account(told, options)
    code = selecting.no_match(name, selection, options, taken=found.keys)
    return max(code, tail_code(name, found.tail, found.size, options))


def _masked(
    name: str, output: OutputLike, seed: str | None, selection: Selection, options: argparse.Namespace
) -> Masked:
    watched = Watched(name)
    with progress_of(name, watched, options) as tick:
        return mask(
            input_of(name),
            output,
            secret=None if seed is None else os.fsencode(seed),
            selection=selection,
            keys=options.keys,
            keep_prefix=options.keep_prefix,
            any_slot=options.any_slot,
            keep_fields=options.keep_fields,
            keep_functions=options.keep_functions,
            allow_loss=options.allow_loss,
            dialect=options.dialect,
            any_version=options.any_version,
            verify_checksum=not options.no_checksum,
            max_record=options.max_value,
            compression=compression_of(options),
            replace=options.force,
            progress=watched.telling(tick),
        )
