#!/usr/bin/python3
"""Distributed word count over Redis, the lab's design, straightforward.

A stream holds the file names; N worker processes read it as one consumer group, one
file at a time, count it with collections.Counter, and hand the counts over in one FCALL
that acknowledges the file and adds every word to a sorted set, all or nothing. A file
whose worker died is taken over with XAUTOCLAIM. Workers leave when nothing is pending.

usage: lab.py DIR OUT      env: REDIS_URL, WORKERS (default: one a core), IDLE_MS (10000)
"""
import collections
import multiprocessing
import os
import sys
import time

import redis

STREAM, COUNTS, GROUP = "pywc:{j}:files", "pywc:{j}:counts", "workers"
IDLE_MS = int(os.environ.get("IDLE_MS", "10000"))

LIB = """#!lua name=pywc
local function commit(keys, args)
  -- keys: stream, counts; args: group, entry id, word, count, word, count, ...
  if redis.call('XACK', keys[1], args[1], args[2]) == 0 then
    return 0 -- another worker has committed this file already
  end
  for i = 3, #args, 2 do
    redis.call('ZINCRBY', keys[2], args[i + 1], args[i])
  end
  return 1
end
redis.register_function('pywc_commit', commit)
"""


def connect():
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def count(path):
    with open(path, "rb") as f:
        return collections.Counter(f.read().split())


def worker(n):
    r = connect()
    me = "worker-%d" % n
    while True:
        got = r.xreadgroup(GROUP, me, {STREAM: ">"}, count=1)
        entries = got[0][1] if got else []
        if not entries:  # no new files: take over a dead worker's, or leave
            entries = r.xautoclaim(STREAM, GROUP, me, min_idle_time=IDLE_MS, count=1)[1]
        if not entries:
            if r.xpending(STREAM, GROUP)["pending"] == 0:
                return
            time.sleep(0.05)
            continue
        for entry, fields in entries:
            args = [GROUP, entry]
            for word, times in count(fields[b"path"]).items():
                args.append(word)
                args.append(times)
            r.execute_command("FCALL", "pywc_commit", 2, STREAM, COUNTS, *args)


def main():
    folder, out = sys.argv[1:]
    r = connect()
    r.execute_command("FUNCTION", "LOAD", "REPLACE", LIB)
    r.delete(STREAM, COUNTS)
    r.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    start = time.monotonic()
    for name in sorted(os.listdir(folder)):
        r.xadd(STREAM, {"path": os.path.join(folder, name)})
    workers = [
        multiprocessing.Process(target=worker, args=(i,))
        for i in range(int(os.environ.get("WORKERS", os.cpu_count())))
    ]
    for p in workers:
        p.start()
    for p in workers:
        p.join()
    counted = time.monotonic()
    with open(out, "wb") as f:
        step = 10000
        for i in range(0, r.zcard(COUNTS), step):
            f.writelines(
                b"%d\t%s\n" % (n, w)
                for w, n in r.zrange(COUNTS, i, i + step - 1, withscores=True)
            )
    print("counted %.3fs, written out %.3fs" % (counted - start, time.monotonic() - counted), file=sys.stderr)
    r.delete(STREAM, COUNTS)
    return any(p.exitcode for p in workers)


if __name__ == "__main__":
    STREAM, COUNTS = STREAM.format(j=os.getpid()), COUNTS.format(j=os.getpid())
    sys.exit(main())
