#!/usr/bin/env python3
"""A worker in Python for a job without reducers. It works beside workers in Go, and speaks lua/wordcount.lua.
usage: worker.py JOB INPUT   env: REDIS_URL, WORDCOUNT_REDIS_PASSWORD_FILE, LEASE_MS (10000)
It counts plain files in the folder INPUT. If it can't do a task, it gives the task back, and leaves."""
import collections, json, os, re, redis, secrets, socket, sys, time, urllib.parse

JOB, INPUT = sys.argv[1], os.fsencode(os.path.realpath(sys.argv[2]))
SCHEMA, GROUP, LEASE_MS = "5", "workers", int(os.environ.get("LEASE_MS", "10000"))
NAMES = ("meta", "map", "reduce", "counts", "attempts", "dead", "workers", "outputs", "results")
KEYS = ["wordcount:{%s}:%s" % (JOB, name) for name in NAMES]
ME, HOST = "python-" + secrets.token_hex(8), urllib.parse.quote("python on " + socket.gethostname())
# White space as Go's unicode.IsSpace has it, in UTF-8. In bytes that aren't UTF-8 it is the same.
WS = re.compile(rb"(?:[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)+")
COMPRESSED = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"  # gzip, bzip2, zstd

def call(r, function, *args):
    return r.execute_command("FCALL", "wordcount_%s_%s" % (SCHEMA, function), len(KEYS), *KEYS, run, *args)

def take(r):  # a task that this worker has already, else a new one, else one of a worker that is silent
    for start, block in ("0", None), (">", 200):
        for _, entries in r.xreadgroup(GROUP, ME, {KEYS[1]: start}, count=1, block=block):
            for entry, fields in entries:
                return entry.split(b"-")[0], fields  # task 3 is the entry 3-0
    for entry, fields in r.xautoclaim(KEYS[1], GROUP, ME, LEASE_MS, count=1)[1]:
        number = entry.split(b"-")[0]
        if call(r, "begin_task", "map", number, ME) < 8:
            return number, fields
        call(r, "fail", "map", number, secrets.token_hex(13), 1, "DEATHS too many workers died of it")

def count(paths, numbers):
    counts = collections.Counter()
    for i, path in enumerate(paths):
        offset, length, size, mtime, inode = map(int, numbers[6 * i:6 * i + 5])  # the sixth is for S3
        if offset or length != size or inode or not os.path.realpath(path).startswith(INPUT + b"/"):
            raise OSError("%r is no whole file in %r" % (path, INPUT))
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if file.peek(4).startswith(COMPRESSED):
                raise OSError("%r is compressed" % path)
            for line in file:
                counts.update(WS.split(line))
            now = os.stat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (size, mtime):
            raise OSError("%r is not the file that was planned" % path)
    del counts[b""]
    if max(map(len, counts), default=0) > 1 << 20:
        raise OSError("%r has a word of more than 1 MiB" % paths)
    return counts, sum(map(int, numbers[2::6]))

def step(r):
    global run, done  # every write sends the run, so that nothing reaches another run of the job
    run, dismissed, *shape = r.hmget(KEYS[0], "run", "dismissed", "schema", "reducers", "counting")
    if dismissed:
        sys.exit(0)
    if run and shape != [SCHEMA.encode(), b"0", b""]:
        sys.exit("worker.py: schema, reducers and what is counted of job %s are %s" % (JOB, shape))
    number, fields = take(r) or (None, None)
    about = {"state": "working" if number else "idle", "tasks": done, "beat": int(time.time())}
    call(r, "renew", ME, json.dumps({"pid": os.getpid(), "host": "python", **about}), "map", *filter(None, [number]))
    if number:
        try:
            counts, size = count(fields[b"path"].split(b"\0"), fields[b"split"].split())
        except OSError as error:
            call(r, "release", ME, 0)  # so that nobody waits for the lease
            sys.exit("worker.py: %s" % error)
        words = [part for pair in counts.items() for part in pair]
        reply = call(r, "commit", 1, number, sum(counts.values()), size, secrets.token_hex(13), HOST, "-", *words)
        done += reply[0] == b"committed"

last, done = time.monotonic(), 0  # when all was well; tasks that were committed
while True:
    try:
        secret = os.environ.get("WORDCOUNT_REDIS_PASSWORD_FILE")
        r = redis.Redis.from_url(os.environ["REDIS_URL"], password=secret and open(secret).read().strip())
        while True:
            step(r)
            last = time.monotonic()
    except (redis.RedisError, OSError) as error:  # Redis restarts, or the job is seeded again
        if time.monotonic() - last > 60:
            sys.exit("worker.py: %s" % error)
        time.sleep(0.1)
