#!lua name=wordcount_2
-- wordcount, schema 2
--
-- The exactly-once protocol of a word count job: everything that must not be torn apart is one function here.
--
-- Keys. All keys of a job share one hash tag. Every function takes the eight fixed keys in this order; those that
-- touch partial counts take the partitions' lists behind them.
--
--   1 meta      hash    schema, run, phase (map, reduce, done), maps, mapped, reducers, reduced, tokens, bytes,
--                       put (tokens in stored partitions), storing <attempt>, troubles (tasks taken over or failed),
--                       taken (tasks taken over, each once), final, released
--   2 map       stream  one entry per split, ID = index + 1 (Redis refuses 0-0), group "workers"
--   3 reduce    stream  one entry per partition, ID = partition + 1, group "workers"
--   4 counts    zset    the result: word -> count
--   5 attempts  hash    what a task went through: "<stream> <id>" and then "deaths" (of workers that had it), "by" (who
--                       took it over last), "taken" (it counts there), "returned" (its owner left in good order),
--                       "errors", or the attempt that met one
--   6 dead      hash    "<stream> <id>" -> the error that buried the task
--   7 workers   hash    for display only: consumer -> what the worker says of itself
--   8 commits   hash    attempt to commit -> how many partitions it has brought its blobs to, or "committed" and the ranges
--                       of its tasks: "committed 1-17,20"
--   9 ...       list    part:0, part:1, ...: partial counts of one partition, one blob per attempt, which begins with its
--                       nonce; those of attempts that are not committed count for nothing. It is there until the
--                       partition is stored
--
-- Rules. A function that fails half-way keeps what it wrote, so each validates everything (arguments, key types, the
-- caller's rights, the job itself) before its first write. Numbers are decimal integers; ZINCRBY would take "inf" and "0x10" too.
-- What a job has come to (mapped, reduced, tokens, bytes, put, phase) is written as absolute values, computed from what was
-- read at the beginning, never incremented: an append-only file that was torn may bring back part of a call and then the
-- whole of it once more. What such a part does beside them shows in the commits, which must have each task once, and in the
-- sums: callers compare them.
-- The schema version is part of the library's name and of every function's: Redis refuses equal function names in
-- two libraries, LOAD REPLACE would pull the protocol away under another job's workers, and an RDB brings the old
-- library back under new ones.
--
-- Errors begin with a code word that callers match on:
--
--   WCARG    the call itself is wrong                 WCPHASE  not in this phase of the job
--   WCTYPE   a key of ours holds another type         WCFINAL  the result is not fenced, or not by this fence
--   WCNOJOB  there is no such job (any more)          WCSTATE  the job contradicts the caller or itself
--   WCRUN    the job belongs to another run
--   NOPERM   the caller may not call a command that the function needs

local SCHEMA = '2'
local GROUP = 'workers'
local META, MAP, REDUCE, COUNTS, ATTEMPTS, DEAD, WORKERS, COMMITS, PARTS = 1, 2, 3, 4, 5, 6, 7, 8, 9
local TYPES = {'hash', 'stream', 'stream', 'zset', 'hash', 'hash', 'hash', 'hash'}
local BATCH = 7500         -- IDs in one commit; unpack passes 7,990 values
local LONG_AGO = 1e9       -- milliseconds of idle time that mark a lease as given up: more than any lease

-- Ends the call with an error.
local function refuse(code, ...)
  error(redis.error_reply(code .. ' ' .. string.format(...)))
end

-- How many arguments each command takes at least, its key included: Redis refuses to be asked about fewer.
local LEAST = {
  DEL = 1, EXPIRE = 2, HDEL = 2, HGET = 2, HINCRBY = 3, HMGET = 2, HSET = 3, HSETNX = 3, LTRIM = 3, RPUSH = 2, UNLINK = 1,
  XACK = 3, XADD = 4, XCLAIM = 5, XGROUP = 4, XPENDING = 2, ZADD = 3, ZINCRBY = 3,
}

-- Refuses a caller who lacks the right to one of the commands: met half-way, the lack would tear the function apart. Which
-- key is asked about does not matter: FCALL itself wants the rights to all of them.
local function check_rights(commands, key)
  for _, command in ipairs(commands) do
    local arguments = {key}
    if command == 'XGROUP' then arguments = {'CREATE', key} end -- each of its subcommands is a right of its own
    while #arguments < LEAST[command] do table.insert(arguments, '0') end
    if not redis.acl_check_cmd(command, unpack(arguments)) then
      refuse('NOPERM', 'the user may not call %s', command)
    end
  end
end

-- Turns what `refuse` or a command raised into a plain error reply, without the script position that Redis adds to
-- others. Redis's pcall returns the text of such an error alone, with its code word in front; a mistake in Lua has none.
local function guarded(body, commands)
  return function(keys, args)
    local ok, reply = pcall(function()
      check_rights(commands, keys[META] or '')
      return body(keys, args)
    end)
    if ok then return reply end
    if type(reply) == 'table' then reply = reply.err end
    if not reply:find('^%u+ ') then reply = 'ERR ' .. reply end
    return redis.error_reply(reply)
  end
end

local function integer(text, what)
  if type(text) ~= 'string' or not text:find('^%d+$') or #text > 15 then
    refuse('WCARG', '%s must be a decimal integer below 10^15', what)
  end
  return tonumber(text)
end

-- Checks every second argument, from one on, to be a count. Few counts occur often, so each is looked at once.
local function check_counts(args, from)
  local known = {}
  for i = from, #args, 2 do
    local count = args[i]
    if not known[count] then
      integer(count, 'count')
      known[count] = true
    end
  end
end

local function entry(n) return string.format('%.0f-0', n) end

local function index(id) return tonumber(id:match('^(%d+)-')) end

-- Reads a flat list of names and values.
local function fields(flat)
  local field = {}
  for i = 1, #flat, 2 do field[flat[i]] = flat[i + 1] end
  return field
end

-- Checks the type of each key. A wrong one must be found before the first write.
local function check_types(keys)
  for i, key in ipairs(keys) do
    local found = redis.call('TYPE', key).ok
    local wanted = TYPES[i] or 'list'
    if found ~= 'none' and found ~= wanted then
      refuse('WCTYPE', '%s holds a %s where a %s of this job belongs', key, found, wanted)
    end
  end
end

local function check_number(keys, parts)
  if #keys ~= PARTS - 1 + parts then
    refuse('WCARG', '%d keys given, %d needed', #keys, PARTS - 1 + parts)
  end
end

local function read_meta(keys)
  check_types(keys)
  local meta = fields(redis.call('HGETALL', keys[META]))
  if next(meta) == nil then return nil end
  if meta.schema ~= SCHEMA then
    refuse('WCSTATE', 'the job has schema %s, this library has %s', tostring(meta.schema), SCHEMA)
  end
  for _, field in ipairs({'maps', 'mapped', 'reducers', 'reduced', 'tokens', 'bytes', 'put'}) do
    meta[field] = tonumber(meta[field])
    if not meta[field] then refuse('WCSTATE', 'the job has no %s', field) end
  end
  return meta
end

-- Opens a job for a caller of one run. A zombie of the same job from before a clean (same name, perhaps other bytes
-- behind equal sizes and times) must not reach the new one.
local function open_run(keys, run, parts)
  local meta = read_meta(keys)
  if not meta then refuse('WCNOJOB', 'no such job') end
  if meta.run ~= run then refuse('WCRUN', 'the job belongs to run %s', meta.run) end
  check_number(keys, parts == 'all' and meta.reducers or parts or 0)
  return meta
end

local function stream_of(keys, name)
  if name == 'map' then return keys[MAP] end
  if name == 'reduce' then return keys[REDUCE] end
  refuse('WCARG', 'no such stream: %s', tostring(name))
end

-- Returns the ID up to which a stream's entries were given to somebody; nothing if there is no group.
local function delivered(stream)
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local field = fields(group)
    if field.name == GROUP then return field['last-delivered-id'] end
  end
end

-- What became of a task: 'pending' (somebody holds it), 'settled' (acknowledged) or 'undelivered' (a rollback took
-- its delivery back, or it was never seeded).
local function standing(stream, id)
  if #redis.call('XPENDING', stream, GROUP, id, id, 1) == 1 then return 'pending' end
  local last = delivered(stream)
  if last and index(id) <= index(last) then return 'settled' end
  return 'undelivered'
end

-- Reads n task numbers, counted from a first one on, and returns their entries, and them. One task twice in a batch would pass
-- every pending check, and count twice; so they strictly increase.
local function batch_of(args, at, n, what, first, number)
  if n < 1 or n > BATCH then refuse('WCARG', '%.0f %ss at once, 1 to %d may be', n, what, BATCH) end
  local ids, numbers, before = {}, {}, first - 1
  for i = 1, n do
    local given = integer(args[at + i - 1], what)
    if given <= before then refuse('WCARG', '%ss must strictly increase', what) end
    if given >= first + number then refuse('WCARG', '%s %.0f of %.0f', what, given, number) end
    before = given
    ids[i], numbers[i] = entry(given - first + 1), given
  end
  return ids, numbers
end

-- Returns nothing if all of these tasks are pending, else the reply that says where each stands.
local function refusal(stream, ids)
  local standings, refused = {'refused'}, false
  for i, id in ipairs(ids) do
    standings[i + 1] = standing(stream, id)
    refused = refused or standings[i + 1] ~= 'pending'
  end
  if refused then return standings end
end

-- The last map is done: hands out the reduce tasks, and returns the phase that begins.
local function flip(keys, reducers)
  if reducers == 0 then return 'done' end
  for part = 1, reducers do
    redis.call('XADD', keys[REDUCE], entry(part), 'partition', string.format('%d', part - 1))
  end
  return 'reduce'
end

-- Writes numbers that strictly increase as ranges: "1-17,20".
local function ranges_of(numbers)
  local ranges, first = {}, numbers[1]
  for i, number in ipairs(numbers) do
    if numbers[i + 1] ~= number + 1 then
      ranges[#ranges + 1] = string.format(first == number and '%.0f' or '%.0f-%.0f', first, number)
      first = numbers[i + 1]
    end
  end
  return table.concat(ranges, ',')
end

-- seed: appends tasks to the map stream; creates the job if it is not there.
--   KEYS    fixed, parts
--   ARGV    run, maps (in total), reducers, first (1-based number of the first task given),
--           then two values a task: path, and "offset length size mtime"; or several of each, with NUL and space between
--   returns {run of the job, top (number of the last task in the stream), phase}
-- Guards. Without meta all the other keys go in the same call: meta alone can vanish, and what is left would stall
-- the new job. A chunk that does not join on to what is there is not appended: after Redis came back empty between
-- two chunks the gap could never be filled; the caller reads top and goes on from there. IDs are explicit, so that
-- a repeated call adds nothing twice. A task that somebody deleted can't be added again, and nobody would do it.
local function seed(keys, args)
  local run, maps, reducers = args[1], integer(args[2], 'maps'), integer(args[3], 'reducers')
  local first = integer(args[4], 'first')
  if not run or run == '' then refuse('WCARG', 'run must be given') end
  if first < 1 or (#args - 4) % 2 ~= 0 then refuse('WCARG', 'tasks have two values each') end
  local last = first - 1 + (#args - 4) / 2
  if last > maps then refuse('WCARG', 'task %.0f of %.0f', last, maps) end
  check_number(keys, reducers)
  local meta, top = read_meta(keys), 0
  if meta then
    if meta.maps ~= maps or meta.reducers ~= reducers then
      refuse('WCSTATE', 'the job has %.0f tasks and %.0f reducers, not %.0f and %.0f',
        meta.maps, meta.reducers, maps, reducers)
    end
    if redis.call('EXISTS', keys[MAP], keys[REDUCE]) ~= 2 or not (delivered(keys[MAP]) and delivered(keys[REDUCE])) then
      refuse('WCSTATE', 'a stream of the job was deleted by someone, or its group')
    end
    local stream = fields(redis.call('XINFO', 'STREAM', keys[MAP]))
    top = index(stream['last-generated-id'])
    if stream.length ~= top then
      refuse('WCSTATE', '%.0f of the first %.0f tasks were deleted by someone', top - stream.length, top)
    end
  else
    redis.call('DEL', unpack(keys))
    redis.call('HSET', keys[META], 'schema', SCHEMA, 'run', run, 'phase', 'map', 'maps', maps, 'mapped', 0,
      'reducers', reducers, 'reduced', 0, 'tokens', 0, 'bytes', 0, 'put', 0)
    redis.call('XGROUP', 'CREATE', keys[MAP], GROUP, '0', 'MKSTREAM')
    redis.call('XGROUP', 'CREATE', keys[REDUCE], GROUP, '0', 'MKSTREAM')
    if maps == 0 then redis.call('HSET', keys[META], 'phase', flip(keys, reducers)) end
  end
  if first <= top + 1 then
    for n = top + 1, last do
      local at = 5 + (n - first) * 2
      redis.call('XADD', keys[MAP], entry(n), 'path', args[at], 'split', args[at + 1])
      top = n
    end
  end
  local now = redis.call('HMGET', keys[META], 'run', 'phase')
  return {now[1], top, now[2]}
end

-- commit: acknowledges a batch of map tasks and applies its effect, as one step, if all of them are pending.
--   KEYS    fixed, parts
--   ARGV    run, n, n task numbers (strictly increasing), tokens, bytes, then the effect:
--           an attempt (a nonce), then without reducers word, count, word, count, ...; with reducers from (to how many
--           partitions it has brought its blobs), and blobs for those that follow, each with the attempt in front ('' for none)
--   returns {'committed'}, {'at', to how many partitions the attempt has brought its blobs} or {'refused', standing of each
--           task}
-- Blobs may be too many for one short call, so an attempt may take several. What it has brought counts for nothing before
-- the last of them, which has the last partition's blob, acknowledges the tasks.
-- Guards. The run (see open_run). Strictly increasing (see batch_of). All or nothing: a table cannot be taken apart again.
-- How far the attempt has come is kept beside the blobs, and what does not join on there is not taken: a rollback may have
-- taken earlier ones back. Buried tasks never count as mapped: a phase change without them lets a zombie store totals that
-- lack them. No task is pending once all are committed, unless somebody sets the group back: the counts may be final by then.
local function commit(keys, args)
  local meta = open_run(keys, args[1], 'all')
  local n = integer(args[2], 'n')
  if #args < n + 5 then refuse('WCARG', 'too few arguments') end
  local ids, numbers = batch_of(args, 3, n, 'task', 1, meta.maps)
  local tokens, bytes = integer(args[n + 3], 'tokens'), integer(args[n + 4], 'bytes')
  local attempt, at = args[n + 5], n + 6
  local from, upto
  if attempt == '' then refuse('WCARG', 'attempt must be given') end
  if meta.reducers > 0 then
    from = integer(args[at], 'from')
    at = at + 1
    upto = from + #args - at + 1
    if upto > meta.reducers then refuse('WCARG', 'blobs for %.0f of %.0f partitions', upto, meta.reducers) end
    for i = at, #args do
      if args[i] ~= '' and args[i]:sub(1, #attempt) ~= attempt then refuse('WCARG', 'a blob of another attempt') end
    end
  else
    if (#args - at + 1) % 2 ~= 0 then refuse('WCARG', 'a word without its count') end
    check_counts(args, at + 1)
  end
  local refused = refusal(keys[MAP], ids)
  if refused then return refused end
  if meta.phase ~= 'map' then refuse('WCSTATE', 'tasks of phase map are pending in phase %s', meta.phase) end
  local brought = tonumber(redis.call('HGET', keys[COMMITS], attempt) or 0)
  if not brought then refuse('WCSTATE', 'a committed attempt has pending tasks') end
  if meta.reducers > 0 then
    if from ~= brought then return {'at', brought} end
    if upto < meta.reducers then redis.call('HSET', keys[COMMITS], attempt, string.format('%.0f', upto)) end
    for i = at, #args do
      if args[i] ~= '' then redis.call('RPUSH', keys[PARTS + from + i - at], args[i]) end
    end
    if upto < meta.reducers then return {'at', upto} end
  end

  if redis.call('XACK', keys[MAP], GROUP, unpack(ids)) ~= n then
    refuse('WCSTATE', 'pending tasks could not be acknowledged')
  end
  if meta.reducers == 0 then
    for i = at, #args, 2 do redis.call('ZINCRBY', keys[COUNTS], args[i + 1], args[i]) end
  end
  redis.call('HSET', keys[COMMITS], attempt, 'committed ' .. ranges_of(numbers))
  local mapped, phase = meta.mapped + n, meta.phase
  if mapped == meta.maps then phase = flip(keys, meta.reducers) end
  redis.call('HSET', keys[META], 'mapped', string.format('%.0f', mapped), 'tokens', string.format('%.0f', meta.tokens + tokens),
    'bytes', string.format('%.0f', meta.bytes + bytes), 'phase', phase)
  return {'committed'}
end

-- partition: allows the caller to read the partial counts of one partition.
--   KEYS    fixed, the partition's list
--   ARGV    run, partition (0-based)
--   returns how many maps the job has: the commits must have each of them once
-- The commits and the blobs are an HGETALL and an LRANGE right behind it, in one transaction with this: what comes through Lua
-- is copied three times more, and a partition may be large.
-- Guards. All in one transaction: between two pages a rollback may mix two orders of commits. Only while the partition's
-- task is pending. Before the last map is committed no task is, and less than all partial counts would be stored as a total;
-- when it is stored they are gone, and nothing at all would be, once a rollback has made the task pending again.
local function partition(keys, args)
  local meta = open_run(keys, args[1], 1)
  local part = integer(args[2], 'partition')
  if standing(keys[REDUCE], entry(part + 1)) ~= 'pending' then refuse('WCPHASE', 'partition %.0f is not pending', part) end
  return meta.maps
end

-- Opens a job for an attempt to store the totals of some partitions. Returns the job, the IDs of their tasks, how many
-- words the attempt has stored so far, and where the next argument is; or nothing, and the reply that says where each
-- task stands, if one of them is not pending.
local function open_attempt(keys, args, with_lists)
  local attempt, n = args[2], integer(args[3], 'n')
  local meta = open_run(keys, args[1], with_lists and n)
  if not attempt or attempt == '' then refuse('WCARG', 'attempt must be given') end
  local ids = batch_of(args, 4, n, 'partition', 0, meta.reducers)
  if meta.phase == 'map' then
    local standings = {'refused'}
    for i = 1, n do standings[i + 1] = 'undelivered' end
    return nil, standings
  end
  local refused = refusal(keys[REDUCE], ids)
  if refused then return nil, refused end
  if meta.phase ~= 'reduce' then refuse('WCSTATE', 'partitions are pending in phase %s', meta.phase) end
  return meta, ids, tonumber(meta['storing ' .. attempt] or 0), n + 4
end

-- place: where an attempt to store the totals of some partitions stands.
--   KEYS    fixed
--   ARGV    run, attempt (a nonce), n, n partitions (0-based, strictly increasing)
--   returns {'at', how many words the attempt has stored} or {'refused', standing of each task}
local function place(keys, args)
  local meta, refused, stored = open_attempt(keys, args)
  if not meta then return refused end
  return {'at', stored}
end

-- put: notes that an attempt has stored so many words more; with the last of them, acknowledges the reduce tasks, and
-- drops the partial counts, which would only make each checkpoint longer.
--   KEYS    fixed, the lists of the partitions
--   ARGV    as of place, then from (how many words were stored before these), words, last (1 or 0), tokens (in all)
--   returns {'committed'}, {'at', how many words the attempt has stored} or {'refused', standing of each task}
-- The words themselves are a ZADD right before, in one transaction with this: Redis takes twice as long over those that
-- come through Lua. ZADD asks nobody, so the transaction watches a key that another run of the job would have to change.
-- In the same run it can't do harm, whenever it comes: totals are absolute, and every attempt computes the same ones.
-- Guards. Where the attempt stands is kept with the counts, and what does not join on there is not noted: a rollback may
-- have taken earlier words back, and the last would acknowledge some that are gone. The first attempt to finish wins;
-- the rest are told 'settled'.
local function put(keys, args)
  local meta, ids, stored, at = open_attempt(keys, args, true)
  if not meta then return ids end
  local from, words = integer(args[at], 'from'), integer(args[at + 1], 'words')
  local last, tokens = args[at + 2], integer(args[at + 3], 'tokens')
  if last ~= '0' and last ~= '1' then refuse('WCARG', 'last must be 0 or 1') end
  if from ~= stored then return {'at', stored} end
  local progress = 'storing ' .. args[2]
  if last == '0' then
    redis.call('HSET', keys[META], progress, string.format('%.0f', from + words))
    return {'at', from + words}
  end
  redis.call('XACK', keys[REDUCE], GROUP, unpack(ids))
  for i = PARTS, #keys do redis.call('LTRIM', keys[i], 1, 0) end
  local reduced, phase = meta.reduced + #ids, meta.phase
  if reduced == meta.reducers then phase = 'done' end
  redis.call('HSET', keys[META], 'reduced', string.format('%.0f', reduced), 'put', string.format('%.0f', meta.put + tokens),
    'phase', phase)
  for field in pairs(meta) do
    if field == progress or phase == 'done' and field:find('^storing ') then -- the others came to nothing
      redis.call('HDEL', keys[META], field)
    end
  end
  return {'committed'}
end

-- final: fences the result for those who seal the job and read it.
--   KEYS    fixed
--   ARGV    run, fence (a nonce)
--   returns {the fence that stands, mapped, reduced, tokens, bytes, put}: callers compare them with what they know
-- Guards. Only a job that is done, with nothing buried, has a result. A fence that stands is the next caller's too: under
-- one of its own, what another supervisor has published could not be read any more. It is written nevertheless, so that
-- WAITAOF has something to wait for.
local function final(keys, args)
  local meta = open_run(keys, args[1])
  if not args[2] or args[2] == '' then refuse('WCARG', 'fence must be given') end
  if meta.phase ~= 'done' then refuse('WCPHASE', 'the job is in phase %s', meta.phase) end
  if redis.call('EXISTS', keys[DEAD]) == 1 then refuse('WCSTATE', 'tasks were buried') end
  local fence = meta.final or args[2]
  redis.call('HSET', keys[META], 'final', fence)
  return {fence, meta.mapped, meta.reduced, meta.tokens, meta.bytes, meta.put}
end

-- Opens a finished job for the holder of its fence. The server's run_id would not do in its place: a master that was
-- demoted and resynced from a lagging replica keeps it, and a clean does not change it.
local function open_final(keys, fence, parts)
  local meta = read_meta(keys)
  if not meta then refuse('WCNOJOB', 'no such job') end
  if not fence or fence == '' or meta.final ~= fence or meta.phase ~= 'done' then
    refuse('WCFINAL', 'the result is not fenced by this caller any more')
  end
  check_number(keys, parts == 'all' and meta.reducers or 0)
  return meta
end

-- result: a page of the counts, by descending count.
--   KEYS    fixed
--   ARGV    fence, rank of the first, how many at most
--   returns {word, count, word, count, ...}
local function result(keys, args)
  open_final(keys, args[1])
  local from, n = integer(args[2], 'rank'), integer(args[3], 'number')
  if n < 1 then refuse('WCARG', 'an empty page') end
  return redis.call('ZRANGE', keys[COUNTS], string.format('%.0f', from), string.format('%.0f', from + n - 1),
    'REV', 'WITHSCORES')
end

-- sum: adds up the counts from a rank on, so that a result can be checked without being sent.
--   KEYS    fixed
--   ARGV    fence, rank of the first, how many different counts at most
--   returns {how many words, their sum}; no words: that was all
-- Words of one count are counted, not visited: counts that come to T have at most sqrt(2T) different values.
local function sum(keys, args)
  open_final(keys, args[1])
  local from, different = integer(args[2], 'rank'), integer(args[3], 'number')
  local rank, total = from, 0
  for _ = 1, different do
    local first = redis.call('ZRANGE', keys[COUNTS], rank, rank, 'WITHSCORES')
    if #first == 0 then break end
    local n = tonumber(first[2])
    if not (n > 0 and n < 2 ^ 53 and n % 1 == 0) then
      refuse('WCSTATE', '%s is no count: it is beyond 2^53, or somebody else wrote it', first[2])
    end
    local words = redis.call('ZCOUNT', keys[COUNTS], first[2], first[2])
    rank, total = rank + words, total + n * words
  end
  return {rank - from, string.format('%.0f', total)}
end

-- release: the job is sealed, its workers may leave.
--   KEYS    fixed
--   ARGV    fence
local function release(keys, args)
  open_final(keys, args[1])
  redis.call('HSET', keys[META], 'released', args[1])
  redis.call('DEL', keys[WORKERS])
  return redis.status_reply('OK')
end

-- discard: drops the partial counts of a sealed job, and lets its other keys expire where that is wanted. Its commits stay:
-- another supervisor that seals it looks at them.
--   KEYS    fixed, parts
--   ARGV    fence, seconds to live (0: for ever)
-- Guard: the fence. A deletion that comes late, after a rollback reopened the job, would leave nothing to reduce.
local function discard(keys, args)
  open_final(keys, args[1], 'all')
  local ttl = integer(args[2], 'seconds')
  for i = PARTS, #keys do redis.call('UNLINK', keys[i]) end
  if ttl > 0 then
    for i = META, COMMITS do redis.call('EXPIRE', keys[i], args[2]) end
  end
  return redis.status_reply('OK')
end

-- renew: a heartbeat; renews leases that the caller still holds and says so in `workers`.
--   KEYS    fixed
--   ARGV    run, consumer, what the worker says of itself, stream, then task numbers
--   returns how many leases it still held
-- Guard: only the present owner's. XCLAIM asks nobody, and would take the task back from the thief.
local function renew(keys, args)
  open_run(keys, args[1])
  local consumer, about, stream = args[2], args[3], stream_of(keys, args[4])
  local ids, held = {}, 0
  for i = 5, #args do ids[#ids + 1] = entry(integer(args[i], 'task')) end
  if not about then refuse('WCARG', 'a worker must say something of itself') end
  redis.call('HSET', keys[WORKERS], consumer, about)
  for _, id in ipairs(ids) do
    local p = redis.call('XPENDING', stream, GROUP, id, id, 1)[1]
    if p and p[2] == consumer then
      redis.call('XCLAIM', stream, GROUP, consumer, 0, id, 'JUSTID')
      held = held + 1
    end
  end
  return held
end

-- give_up: marks every lease of a consumer as run out, so that the next thief need not wait.
--   KEYS    fixed
--   ARGV    run, consumer, after how many deaths a task runs alone (0: the consumer did not die)
--   returns how many leases it held
-- The entries stay pending: who takes them gets them by XAUTOCLAIM, as it would have after the lease.
-- Guard: a death is counted against a task only if it was seen, and the task may have caused it. A task that runs alone
-- must have been begun; any other may have been in the table. A lease that was given up already counts for nothing: this
-- is the same death, told twice, or its owner had left in good order.
local function give_up(keys, args)
  open_run(keys, args[1])
  local consumer, alone, released = args[2], integer(args[3], 'deaths'), 0
  for _, name in ipairs({'map', 'reduce'}) do
    local stream, from = stream_of(keys, name), '-'
    repeat
      local page = redis.call('XPENDING', stream, GROUP, from, '+', 1000, consumer)
      for _, p in ipairs(page) do
        local task = name .. ' ' .. p[1]:match('^%d+')
        if alone == 0 then
          redis.call('HSET', keys[ATTEMPTS], task .. ' returned', 1)
        elseif p[3] < LONG_AGO then
          local deaths = tonumber(redis.call('HGET', keys[ATTEMPTS], task .. ' deaths') or 0)
          if deaths < alone or redis.call('HGET', keys[ATTEMPTS], task .. ' by') == consumer then
            redis.call('HINCRBY', keys[ATTEMPTS], task .. ' deaths', 1)
          end
        end
        redis.call('XCLAIM', stream, GROUP, consumer, 0, p[1], 'IDLE', LONG_AGO, 'JUSTID')
        released, from = released + 1, '(' .. p[1]
      end
    until #page < 1000
  end
  redis.call('HDEL', keys[WORKERS], consumer)
  return released
end

-- attempt: says that a consumer begins with a task that it took over.
--   KEYS    fixed
--   ARGV    run, stream, task number, consumer
--   returns how many workers died that had it
-- Redis's own delivery count would not do: it rises with every read of one's own pending entries, and with every restart.
local function attempt(keys, args)
  open_run(keys, args[1])
  stream_of(keys, args[2])
  local task = string.format('%s %.0f', args[2], integer(args[3], 'task'))
  if not args[4] then refuse('WCARG', 'consumer must be given') end
  redis.call('HSET', keys[ATTEMPTS], task .. ' by', args[4])
  if redis.call('HDEL', keys[ATTEMPTS], task .. ' returned') == 0 then
    redis.call('HINCRBY', keys[META], 'troubles', 1)
    if redis.call('HSETNX', keys[ATTEMPTS], task .. ' taken', 1) == 1 then redis.call('HINCRBY', keys[META], 'taken', 1) end
  end
  return tonumber(redis.call('HGET', keys[ATTEMPTS], task .. ' deaths') or 0)
end

-- fail: counts an error of a task, once for each attempt that met it, and buries the task at the limit.
--   KEYS    fixed
--   ARGV    run, stream, task number, attempt token, limit, error
--   returns 'failed', 'buried', or the task's standing if it is not pending
local function fail(keys, args)
  open_run(keys, args[1])
  local stream, number = stream_of(keys, args[2]), integer(args[3], 'task')
  local token, limit, message = args[4], integer(args[5], 'limit'), args[6]
  if not token or not message then refuse('WCARG', 'token and error must be given') end
  local now = standing(stream, entry(number))
  if now ~= 'pending' then return now end

  local task = string.format('%s %.0f', args[2], number)
  if redis.call('HSETNX', keys[ATTEMPTS], task .. ' ' .. token, 1) == 0 then return 'failed' end
  redis.call('HDEL', keys[ATTEMPTS], task .. ' by') -- whatever its owner dies of later, it isn't this attempt
  redis.call('HINCRBY', keys[META], 'troubles', 1)
  if redis.call('HINCRBY', keys[ATTEMPTS], task .. ' errors', 1) < limit then return 'failed' end
  redis.call('XACK', stream, GROUP, entry(number))
  redis.call('HSET', keys[DEAD], task, message)
  return 'buried'
end

-- requeue: gives every buried task another life.
--   KEYS    fixed
--   ARGV    run
--   returns how many there were
-- A stream takes no ID twice, but an entry stays when it is acknowledged: it becomes pending again, with a lease that
-- ran out long ago, so the next thief takes it.
local function requeue(keys, args)
  open_run(keys, args[1])
  local tasks = redis.call('HKEYS', keys[DEAD])
  local found = {}
  for i, task in ipairs(tasks) do
    local name, number = task:match('^(%l+) (%d+)$')
    found[i] = {stream_of(keys, name), entry(integer(number, 'task'))}
  end
  local spent = {}
  for _, field in ipairs(redis.call('HKEYS', keys[ATTEMPTS])) do
    if redis.call('HEXISTS', keys[DEAD], field:match('^%l+ %d+') or '') == 1 then spent[#spent + 1] = field end
  end
  for _, f in ipairs(found) do
    redis.call('XCLAIM', f[1], GROUP, 'requeued', 0, f[2], 'IDLE', LONG_AGO, 'FORCE', 'JUSTID')
  end
  for _, field in ipairs(spent) do redis.call('HDEL', keys[ATTEMPTS], field) end
  redis.call('DEL', keys[DEAD])
  return #tasks
end

-- clean: deletes the job, in one call; key by key a zombie or a rollback could meet half of it.
--   KEYS    fixed, parts
--   ARGV    run: only if the job belongs to it ('': whoever it belongs to)
--   returns how many keys there were
local function clean(keys, args)
  local found = redis.call('TYPE', keys[META]).ok
  if found == 'hash' and args[1] ~= '' then
    local run = redis.call('HGET', keys[META], 'run')
    if run ~= args[1] then refuse('WCRUN', 'the job belongs to run %s', tostring(run)) end
  end
  return redis.call('UNLINK', unpack(keys))
end

-- status: where the job stands, in constant time (but for one row a consumer).
--   KEYS    fixed
--   returns {meta (flat), pending maps, pending reduces (each {consumer, number, ...}), buried, workers (flat),
--            tasks in the map stream, whether some of them were given to nobody yet (1 or 0), the same of reduces}
local function status(keys, args)
  if not read_meta(keys) then refuse('WCNOJOB', 'no such job') end
  local function pending(stream)
    local flat = {}
    for _, row in ipairs(redis.call('XPENDING', stream, GROUP)[4] or {}) do
      flat[#flat + 1] = row[1]
      flat[#flat + 1] = tonumber(row[2])
    end
    return flat
  end
  local function waiting(stream)
    return #redis.call('XRANGE', stream, '(' .. delivered(stream), '+', 'COUNT', 1)
  end
  return {redis.call('HGETALL', keys[META]), pending(keys[MAP]), pending(keys[REDUCE]), redis.call('HLEN', keys[DEAD]),
    redis.call('HGETALL', keys[WORKERS]), redis.call('XLEN', keys[MAP]), waiting(keys[MAP]), waiting(keys[REDUCE])}
end

-- The commands are those that a function may call from its first write on, all of them; before it one that is refused
-- does no harm.
local function register(name, body, commands)
  redis.register_function{function_name = 'wordcount_' .. SCHEMA .. '_' .. name, callback = guarded(body, commands)}
end

local function register_reading(name, body)
  redis.register_function{function_name = 'wordcount_' .. SCHEMA .. '_' .. name, callback = guarded(body, {}), flags = {'no-writes'}}
end

register('seed', seed, {'DEL', 'HSET', 'XGROUP', 'XADD', 'HMGET'})
register('commit', commit, {'HSET', 'RPUSH', 'XACK', 'ZINCRBY', 'XADD'})
register_reading('partition', partition)
register_reading('place', place)
register('put', put, {'ZADD', 'XACK', 'LTRIM', 'HDEL', 'HSET'}) -- ZADD is the caller's, who may only seem to be in a transaction
register('final', final, {'HSET'})
register_reading('result', result)
register_reading('sum', sum)
register('release', release, {'HSET', 'DEL'})
register('discard', discard, {'UNLINK', 'EXPIRE'})
register('renew', renew, {'HSET', 'XPENDING', 'XCLAIM'})
register('give_up', give_up, {'XPENDING', 'HSET', 'HGET', 'HINCRBY', 'XCLAIM', 'HDEL'})
register('attempt', attempt, {'HSET', 'HDEL', 'HINCRBY', 'HSETNX', 'HGET'})
register('fail', fail, {'HSETNX', 'HDEL', 'HINCRBY', 'XACK', 'HSET'})
register('requeue', requeue, {'XCLAIM', 'HDEL', 'DEL'})
register('clean', clean, {'UNLINK'})
register_reading('status', status)
