"""One snapshot, several processes: parts that are read apart and put together as if one had read all.

    guess     where a record may begin, and in which database
    section   a Reader that stops at such a place, and goes on from another
    scan      parts handed out, taken in order when they fit, read again when they do not
    workers   the processes: `forked` on Linux, elsewhere `spawned`; both `serve`, see serving

Reading is deterministic: who begins at the same offset knowing the same (dialect, version, database, hash
templates) finds the same records. So a guess need only be good, never right: what a process found counts
when the part before it ended exactly there, knowing exactly that. All else is read again by the one
process that has read up to there, errors among it: they are raised where one process raises them.
"""
