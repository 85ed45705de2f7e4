"""How much memory a snapshot, or a key, takes in a server, by version and allocator.

columns      the table: rows are structures, columns groups of versions
allocators   the blocks that three allocators give
shapes       what of a key decides, of kinds: sizes of values by headers, nodes of lists and streams
radix        trees of streams and of expiries, volatile: expiries of fields, growth: tables that grew
model        shapes to bytes
counted      the pass that counts them
estimates    bytes and tolerance of what was counted, in a server

    >>> from rdbcodec import Server, facts
    >>> from rdbcodec.facts.memory.estimates import bytes_in
    >>> profile = facts.profile_of("fixtures/snapshots/redis-7.2.6-types.rdb", now_ms=0)
    >>> estimate = bytes_in(profile, Server.of("redis-7.2"))
    >>> estimate.bytes, estimate.tolerance, estimate.server, estimate.allocator
    (361274, 0.021, 'redis-7.2', 'jemalloc')
"""
