#!lua name=wordcount_5
-- wordcount, schema 5
--
-- The exactly-once protocol of a word count job: everything that must not be torn apart is one function here.
--
-- Keys. All keys of a job share one hash tag. Every function takes all nine, in this order.
--
--   1 meta      hash    schema, run, store, counting, phase (map, reduce, done), maps, mapped, reducers, reduced, tokens, bytes,
--                       stored (tokens in stored partitions), revoked (tasks whose output was lost), storing <attempt>,
--                       troubles (tasks taken over or failed), taken (tasks taken over, each once), final, dismissed,
--                       keep (how many words the sorted set may have; 0: all), filled (how many of them it has), full,
--                       tally (of all outputs, once they are discarded)
--   2 map       stream  one entry per split, ID = index + 1 (Redis refuses 0-0), group "workers"
--   3 reduce    stream  one entry per partition, ID = partition + 1, group "workers"
--   4 counts    zset    the result: word -> count; of a job that keeps N words, the N most frequent
--   5 attempts  hash    what a task went through: "<stream> <id>" and then "deaths" (of workers that had it), "by" (who
--                       took it over last), "taken" (it counts there), "returned" (its owner left in good order),
--                       "lost" (how often its output was lost), "errors", or the attempt that met one
--   6 dead      hash    "<stream> <id>" -> the error that buried the task
--   7 workers   hash    for display only: consumer -> what the worker says of itself
--   8 outputs   hash    name of a map output -> "<tokens> <bytes> <ranges of its tasks, like 1-17,20> <host> <tally>". The
--                       counts are in a file of that name, in the store that meta names. Without reducers there is no file:
--                       the counts are in the sorted set
--   9 results   hash    of a job that keeps N words: partition -> "<name of its result file> <words> <tokens>". The files
--                       are in the store, and have all words
--
-- In every state of a job, outputs has each committed task exactly once: a commit adds one output with its tasks, a revoke
-- takes one output with its tasks away, each in one call.
--
-- Rules. A function that fails half-way keeps what it wrote, so each validates everything (arguments, key types, the
-- caller's rights, the job itself) before its first write. Numbers are decimal integers; ZINCRBY would take "inf" and "0x10" too.
-- What a job has come to (mapped, reduced, tokens, bytes, stored, phase) is written as absolute values, computed from what
-- was read at the beginning, never incremented: an append-only file that was torn may bring back part of a call and then the
-- whole of it once more. What such a part does beside them shows in the outputs, which must have each task once, and in the
-- sums: callers compare them.
-- The schema version is part of the library's name and of every function's: Redis refuses equal function names in
-- two libraries, LOAD REPLACE would pull the protocol away under another job's workers, and an RDB brings the old
-- library back under new ones.
--
-- Errors begin with a code word that callers match on:
--
--   WCARG    the call itself is wrong                 WCPHASE  not in this phase of the job
--   WCTYPE   a key of the job has another type         WCFINAL  the result is not fenced, or not by this fence
--   WCNOJOB  there is no such job (any more)          WCSTATE  the job contradicts the caller or itself
--   WCRUN    the job belongs to another run
--   NOPERM   the caller may not call a command that the function needs

local SCHEMA = '5'
local GROUP = 'workers'
local META, MAP, REDUCE, COUNTS, ATTEMPTS, DEAD, WORKERS, OUTPUTS, RESULTS = 1, 2, 3, 4, 5, 6, 7, 8, 9
local TYPES = {'hash', 'stream', 'stream', 'zset', 'hash', 'hash', 'hash', 'hash', 'hash'}
local BATCH = 7500         -- IDs in one commit; unpack passes 7,990 values
local LONG_AGO = 1e9       -- milliseconds of idle time that mark a lease as released: more than any lease

-- Ends the call with an error.
local function refuse(code, ...)
  error(redis.error_reply(code .. ' ' .. string.format(...)))
end

-- How many arguments each command takes at least, its key included: Redis refuses to be asked about fewer.
local LEAST = {
  DEL = 1, EXPIRE = 2, HDEL = 2, HGET = 2, HINCRBY = 3, HMGET = 2, HSET = 3, HSETNX = 3, UNLINK = 1,
  XACK = 3, XADD = 4, XCLAIM = 5, XGROUP = 4, XLEN = 1, XPENDING = 2, ZADD = 3, ZINCRBY = 3,
}

-- Refuses a caller who lacks the right to one of the commands, because a refusal half-way would tear the call apart. Which
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

-- Checks that every second argument, beginning with args[from], is a count. Few counts occur often, so each is looked at
-- once.
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

-- Checks a tally, which is for people: what became of the records that were counted, as seven numbers with commas between
-- them, or '-' where all of them are 0.
local function check_tally(tally)
  if tally == '-' then return end
  local n = 0
  for number in ((tally or '') .. ','):gmatch('([^,]*),') do
    integer(number, 'tally')
    n = n + 1
  end
  if n ~= 7 then refuse('WCARG', 'a tally has 7 numbers, not %d', n) end
end

local function entry(n) return string.format('%.0f-0', n) end

local function index(id) return tonumber(id:match('^(%d+)-')) end

-- Reads a flat list of names and values.
local function fields(flat)
  local field = {}
  for i = 1, #flat, 2 do field[flat[i]] = flat[i + 1] end
  return field
end

-- Checks the number of keys and the type of each. What is wrong must be found before the first write.
local function check_keys(keys)
  if #keys ~= #TYPES then refuse('WCARG', '%d keys given, %d needed', #keys, #TYPES) end
  for i, key in ipairs(keys) do
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= TYPES[i] then
      refuse('WCTYPE', '%s holds a %s where a %s of this job belongs', key, found, TYPES[i])
    end
  end
end

local function read_meta(keys)
  check_keys(keys)
  local meta = fields(redis.call('HGETALL', keys[META]))
  if next(meta) == nil then return nil end
  if meta.schema ~= SCHEMA then
    refuse('WCSTATE', 'the job has schema %s, this library has %s', tostring(meta.schema), SCHEMA)
  end
  for _, field in ipairs({'maps', 'mapped', 'reducers', 'reduced', 'keep', 'tokens', 'bytes', 'stored', 'revoked'}) do
    meta[field] = tonumber(meta[field])
    if not meta[field] then refuse('WCSTATE', 'the job has no %s', field) end
  end
  return meta
end

-- Opens a job for a caller of one run. A zombie of the same job from before a clean (same name, perhaps other bytes
-- behind equal sizes and times) must not reach the new one.
local function open_run(keys, run)
  local meta = read_meta(keys)
  if not meta then refuse('WCNOJOB', 'no such job') end
  if meta.run ~= run then refuse('WCRUN', 'the job belongs to run %s', meta.run) end
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

-- Reads n numbers of tasks, from args[at] on, and returns the IDs of their entries, and the numbers. first is the number of
-- the job's first task, and number is how many tasks the job has. One task twice in a batch would pass every pending check,
-- and count twice; so the numbers strictly increase.
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

-- Writes what a job has come to. The phase follows two counters. The first time that all maps are committed, it hands out
-- the reduce tasks; when they are committed again, after a revoke, the tasks are there.
local function turn(keys, meta)
  local phase = 'map'
  if meta.mapped == meta.maps then phase = meta.reduced == meta.reducers and 'done' or 'reduce' end
  if phase == 'reduce' and redis.call('XLEN', keys[REDUCE]) == 0 then
    for part = 1, meta.reducers do
      redis.call('XADD', keys[REDUCE], entry(part), 'partition', string.format('%d', part - 1))
    end
  end
  local values = {'phase', phase}
  for _, field in ipairs({'mapped', 'reduced', 'tokens', 'bytes', 'stored', 'revoked'}) do
    values[#values + 1] = field
    values[#values + 1] = string.format('%.0f', meta[field])
  end
  redis.call('HSET', keys[META], unpack(values))
  return phase
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

-- Reads an output: its tokens, its bytes, and the numbers of its tasks.
local function output_of(text)
  local tokens, bytes, ranges = text:match('^(%d+) (%d+) ([%d,-]+) ')
  local numbers = {}
  for range in (ranges or ''):gmatch('[^,]+') do
    local first, last = range:match('^(%d+)-?(%d*)$')
    if not first or #range > 31 then refuse('WCSTATE', 'an output has no tasks: %s', text) end
    for n = tonumber(first), tonumber(last ~= '' and last or first) do
      if #numbers == BATCH then refuse('WCSTATE', 'an output has more tasks than a commit: %s', text) end
      numbers[#numbers + 1] = n
    end
  end
  if #numbers == 0 then refuse('WCSTATE', 'an output has no tasks: %s', text) end
  return tonumber(tokens), tonumber(bytes), numbers
end

-- seed: appends tasks to the map stream; creates the job if it is not there.
--   ARGV    run, maps (in total), reducers, keep (how many words the sorted set may have; 0: all),
--           store (where the outputs are; to be compared, and never obeyed), counting (what is counted, for hosts that join),
--           first (1-based number of the first task given),
--           then two values a task, its paths and its numbers: see entry.go in pkg/wordcount/plan
--   returns {run of the job, top (number of the last task in the stream), store, phase}
-- Guards. Without meta all the other keys go in the same call: meta alone can vanish, and what is left would stall
-- the new job. A chunk that does not join on to what is there is not appended: after Redis came back empty between
-- two chunks the gap could never be filled; the caller reads top and goes on from there. IDs are explicit, so that
-- a repeated call adds nothing twice. A task that somebody deleted can't be added again, and nobody would do it.
local function seed(keys, args)
  local run, maps, reducers, keep = args[1], integer(args[2], 'maps'), integer(args[3], 'reducers'), integer(args[4], 'keep')
  local store, counting, first = args[5], args[6], integer(args[7], 'first')
  if not run or run == '' then refuse('WCARG', 'run must be given') end
  if keep > 0 and reducers == 0 then refuse('WCARG', 'without reducers all words are kept') end
  if first < 1 or #args % 2 ~= 1 then refuse('WCARG', 'tasks have two values each') end
  local last = first - 1 + (#args - 7) / 2
  if last > maps then refuse('WCARG', 'task %.0f of %.0f', last, maps) end
  local meta, top = read_meta(keys), 0
  if meta then
    if meta.maps ~= maps or meta.reducers ~= reducers or meta.keep ~= keep then
      refuse('WCSTATE', 'the job has %.0f tasks, %.0f reducers and %.0f words to keep, not %.0f, %.0f and %.0f',
        meta.maps, meta.reducers, meta.keep, maps, reducers, keep)
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
    redis.call('HSET', keys[META], 'schema', SCHEMA, 'run', run, 'store', store, 'maps', maps, 'reducers', reducers,
      'counting', counting,
      'keep', keep)
    redis.call('XGROUP', 'CREATE', keys[MAP], GROUP, '0', 'MKSTREAM')
    redis.call('XGROUP', 'CREATE', keys[REDUCE], GROUP, '0', 'MKSTREAM')
    turn(keys, {maps = maps, mapped = 0, reducers = reducers, reduced = 0, tokens = 0, bytes = 0, stored = 0, revoked = 0})
  end
  if first <= top + 1 then
    for n = top + 1, last do
      local at = 8 + (n - first) * 2
      redis.call('XADD', keys[MAP], entry(n), 'path', args[at], 'split', args[at + 1])
      top = n
    end
  end
  local now = redis.call('HMGET', keys[META], 'run', 'store', 'phase')
  return {now[1], top, now[2], now[3]}
end

-- commit: acknowledges a batch of map tasks and names their output, as one step, if all of them are pending.
--   ARGV    run, n, n task numbers (strictly increasing), tokens, bytes, name of the output (a nonce), host (escaped),
--           tally, and without reducers the counts themselves: word, count, word, count, ...
--   returns {'committed'} or {'refused', standing of each task}
-- Guards. The run (see open_run). Strictly increasing (see batch_of). All or nothing: an output cannot be taken apart again.
-- A name that is there, though the tasks are pending, comes from a torn log. The tasks are looked at first, so that a worker
-- that repeats a commit is told 'settled'. Buried tasks never count as mapped: a phase change without them lets a zombie
-- store totals that lack them.
local function commit(keys, args)
  local meta = open_run(keys, args[1])
  local n = integer(args[2], 'n')
  if #args < n + 7 then refuse('WCARG', 'too few arguments') end
  local ids, numbers = batch_of(args, 3, n, 'task', 1, meta.maps)
  local tokens, bytes = integer(args[n + 3], 'tokens'), integer(args[n + 4], 'bytes')
  local name, host, tally, at = args[n + 5], args[n + 6], args[n + 7], n + 8
  if name == '' or host == '' or host:find(' ') then refuse('WCARG', 'name and host must be given') end
  check_tally(tally)
  if meta.reducers > 0 and at <= #args then refuse('WCARG', 'counts of a job that has reducers') end
  if (#args - at + 1) % 2 ~= 0 then refuse('WCARG', 'a word without its count') end
  check_counts(args, at + 1)
  local refused = refusal(keys[MAP], ids)
  if refused then return refused end
  if meta.phase ~= 'map' then refuse('WCSTATE', 'tasks of phase map are pending in phase %s', meta.phase) end
  if redis.call('HEXISTS', keys[OUTPUTS], name) == 1 then refuse('WCSTATE', 'a committed output has pending tasks') end

  if redis.call('XACK', keys[MAP], GROUP, unpack(ids)) ~= n then
    refuse('WCSTATE', 'pending tasks could not be acknowledged')
  end
  for i = at, #args, 2 do redis.call('ZINCRBY', keys[COUNTS], args[i + 1], args[i]) end
  redis.call('HSET', keys[OUTPUTS], name, string.format('%.0f %.0f %s %s %s', tokens, bytes, ranges_of(numbers), host, tally))
  meta.mapped, meta.tokens, meta.bytes = meta.mapped + n, meta.tokens + tokens, meta.bytes + bytes
  turn(keys, meta)
  return {'committed'}
end

-- outputs: the map outputs that a reducer merges.
--   ARGV    run
--   returns {maps of the job, {name, output, name, output, ...}}
-- Guards. Only in phase reduce: in phase map the list is incomplete, and in phase done it may be discarded. A worker that
-- merges an empty list would store nothing as a total, after a rollback to phase reduce. All in one call: two pages may be of
-- two histories. Where the reduce task stands doesn't matter: where all maps are committed, the list is complete, and it
-- stays right for ever.
local function outputs(keys, args)
  local meta = open_run(keys, args[1])
  if meta.phase ~= 'reduce' then refuse('WCPHASE', 'the job is in phase %s', meta.phase) end
  return {meta.maps, redis.call('HGETALL', keys[OUTPUTS])}
end

-- revoke: takes back an output that can't be read, so that its tasks run again.
--   ARGV    run, name, host that could not read it, why, how often the output of a task may be lost
--   returns 'revoked', or 'nothing': somebody has done so, or all is stored
-- The tasks become pending again, with a lease that ran out long ago, so that the next thief takes them. That is no death of a
-- worker. At the limit a task is buried instead, because a host or a disk that ruins everything would go on for ever.
-- Guards. By name, not by task: a late report would take the successor away. Not in phase done: a published result could
-- not be read any more while maps run again. All in one call. Not without reducers: the sorted set would keep the counts, and
-- get them once more.
local function revoke(keys, args)
  local meta = open_run(keys, args[1])
  local name, host, why, limit = args[2], args[3], args[4], integer(args[5], 'limit')
  if not name or not host or not why then refuse('WCARG', 'name, host and reason must be given') end
  if meta.reducers == 0 then refuse('WCARG', 'without reducers the counts are in no output') end
  local output = redis.call('HGET', keys[OUTPUTS], name)
  if not output or meta.phase == 'done' then return 'nothing' end
  local tokens, bytes, numbers = output_of(output)
  if #numbers > meta.mapped or tokens > meta.tokens or bytes > meta.bytes then
    refuse('WCSTATE', 'an output has more than the job: %s', output)
  end

  redis.call('HDEL', keys[OUTPUTS], name)
  for _, number in ipairs(numbers) do
    local task = string.format('map %.0f', number)
    local lost = tonumber(redis.call('HGET', keys[ATTEMPTS], task .. ' lost') or 0) + 1
    redis.call('HSET', keys[ATTEMPTS], task .. ' lost', lost)
    if lost < limit then
      redis.call('HSET', keys[ATTEMPTS], task .. ' returned', 1)
      redis.call('XCLAIM', keys[MAP], GROUP, 'revoked', 0, entry(number), 'IDLE', LONG_AGO, 'FORCE', 'JUSTID')
    else
      redis.call('HSET', keys[DEAD], task, string.format('LOST map output lost %d times: written on %s, read on %s: %s',
        lost, output:match('(%S+) %S+$'), host, why))
    end
  end
  meta.mapped, meta.tokens, meta.bytes = meta.mapped - #numbers, meta.tokens - tokens, meta.bytes - bytes
  meta.revoked = meta.revoked + #numbers
  turn(keys, meta)
  return 'revoked'
end

-- Opens a job for the totals of some partitions: n, then their numbers, from args[at] on. Returns the job, the IDs of
-- their tasks, and the partitions; or nothing, and the reply that says where each task stands, if one of them is not
-- pending. They may be pending in phase map, too, because an output was lost. The totals are right nevertheless: they were
-- merged from a complete list of outputs.
local function open_partitions(keys, args, at)
  local n = integer(args[at], 'n')
  local meta = open_run(keys, args[1])
  local ids, parts = batch_of(args, at + 1, n, 'partition', 0, meta.reducers)
  local refused = refusal(keys[REDUCE], ids)
  if refused then return nil, refused end
  if meta.phase == 'done' then refuse('WCSTATE', 'partitions are pending in phase done') end
  return meta, ids, parts
end

-- Opens a job for an attempt to store the totals of some partitions in the sorted set. Returns also how many words the
-- attempt has stored so far.
local function open_attempt(keys, args)
  local attempt = args[2]
  if not attempt or attempt == '' then refuse('WCARG', 'attempt must be given') end
  local meta, ids = open_partitions(keys, args, 3)
  if not meta then return nil, ids end
  if meta.keep > 0 then refuse('WCARG', 'totals of a job that keeps %.0f words are in files', meta.keep) end
  return meta, ids, tonumber(meta['storing ' .. attempt] or 0)
end

-- place: where an attempt to store the totals of some partitions stands.
--   ARGV    run, attempt (a nonce), n, n partitions (0-based, strictly increasing)
--   returns {'at', how many words the attempt has stored} or {'refused', standing of each task}
local function place(keys, args)
  local meta, refused, stored = open_attempt(keys, args)
  if not meta then return refused end
  return {'at', stored}
end

-- put: notes that an attempt has stored more words; with the last of them, acknowledges the reduce tasks.
--   ARGV    as of place, then from (how many words were stored before these), words, last (1 or 0), tokens (in all)
--   returns {'committed'}, {'at', how many words the attempt has stored} or {'refused', standing of each task}
-- The words themselves are a ZADD right before, in one transaction with this: Redis takes twice as long over those that
-- come through Lua. ZADD asks nobody, so the transaction watches a key that another run of the job would have to change.
-- In the same run it can't do harm, whenever it comes: totals are absolute, and every attempt computes the same ones.
-- Guards. Where the attempt stands is kept with the counts, and what does not join on there is not noted: a rollback may
-- have taken earlier words back, and the last would acknowledge some that are gone. The first attempt to finish wins;
-- the rest are told 'settled'.
local function put(keys, args)
  local meta, ids, stored = open_attempt(keys, args)
  if not meta then return ids end
  local at = #ids + 4
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
  meta.reduced, meta.stored = meta.reduced + #ids, meta.stored + tokens
  local phase = turn(keys, meta)
  for field in pairs(meta) do
    if field == progress or phase == 'done' and field:find('^storing ') then -- the others came to nothing
      redis.call('HDEL', keys[META], field)
    end
  end
  return {'committed'}
end

-- put_files: names the files that have the totals of some partitions, and acknowledges the reduce tasks. It takes the place
-- of put in a job that keeps N words, and is one call.
--   ARGV    run, n, n partitions (0-based, strictly increasing), and for each: name of the file, words, tokens
--   returns {'committed'} or {'refused', standing of each task}
-- The files must be whole, and on the disk, by now: a result outlives its job. The first attempt to finish wins.
local function put_files(keys, args)
  local meta, ids, parts = open_partitions(keys, args, 2)
  if not meta then return ids end
  if meta.keep == 0 then refuse('WCARG', 'totals of a job that keeps all words are in the sorted set') end
  if #args ~= 2 + 4 * #ids then refuse('WCARG', 'files have three values each') end
  local values, tokens = {}, 0
  for i, part in ipairs(parts) do
    local at = #ids + 3 * i
    if not args[at]:find('^%w+$') then refuse('WCARG', 'name must be given') end
    integer(args[at + 1], 'words')
    tokens = tokens + integer(args[at + 2], 'tokens')
    values[2 * i - 1], values[2 * i] = string.format('%.0f', part), table.concat(args, ' ', at, at + 2)
  end
  redis.call('XACK', keys[REDUCE], GROUP, unpack(ids))
  for i = 1, #values, 2 do redis.call('HSET', keys[RESULTS], values[i], values[i + 1]) end
  meta.reduced, meta.stored = meta.reduced + #ids, meta.stored + tokens
  turn(keys, meta)
  return {'committed'}
end

-- results: the files that have the result of a job that keeps N words, and how far the sorted set has come.
--   ARGV    run
--   returns {how many words are filled in, whether that is all (1 or 0), {partition, result, partition, result, ...}}
-- Guard: only in phase done. Before it the list is incomplete, and what is the top of it is not the top of all.
local function results(keys, args)
  local meta = open_run(keys, args[1])
  if meta.phase ~= 'done' then refuse('WCPHASE', 'the job is in phase %s', meta.phase) end
  return {tonumber(meta.filled or 0), meta.full and 1 or 0, redis.call('HGETALL', keys[RESULTS])}
end

-- fill: puts the next of the N most frequent words into the sorted set, in the one order that everybody has: by descending
-- count, those of equal count by ascending bytes.
--   ARGV    run, from (how many were there before these), last (1 or 0), then count, word, count, word, ...
--   returns {how many are there now, whether that is all (1 or 0)}
-- Guards. What does not join on is not written: a rollback may have taken earlier words, and the last would call the set
-- full that lacks them. So supervisors help each other. Nothing is filled into a set that is full. A fence requires that
-- it is, and so nothing is ever filled under a fence, which a rollback between two calls would leave standing. The phase
-- doesn't matter: the words come from a complete list of files, and stay right for ever.
local function fill(keys, args)
  local meta = open_run(keys, args[1])
  local from, last, words = integer(args[2], 'from'), args[3], (#args - 3) / 2
  if last ~= '0' and last ~= '1' then refuse('WCARG', 'last must be 0 or 1') end
  if words % 1 ~= 0 then refuse('WCARG', 'a count without its word') end
  if from + words > meta.keep then refuse('WCARG', '%.0f words of %.0f', from + words, meta.keep) end
  check_counts(args, 4)
  local filled = tonumber(meta.filled or 0)
  if meta.full or from ~= filled then return {filled, meta.full and 1 or 0} end
  for i = 4, #args, 2 do redis.call('ZADD', keys[COUNTS], args[i], args[i + 1]) end
  redis.call('HSET', keys[META], 'filled', string.format('%.0f', filled + words))
  if last == '1' then redis.call('HSET', keys[META], 'full', 1) end
  return {filled + words, tonumber(last)}
end

-- final: fences the result for those who seal the job and read it.
--   ARGV    run, fence (a nonce)
--   returns {the fence that stands, mapped, reduced, tokens, bytes, stored}: callers compare them with what they know
-- Guards. Only a job that is done, with nothing buried, has a result. Where N words are kept, all of them must be there: a
-- rollback may have taken what was filled in. A fence that stands is the next caller's too: a second fence would make what
-- another supervisor has published unreadable. The standing fence is written again nevertheless, so that WAITAOF has
-- something to wait for.
local function final(keys, args)
  local meta = open_run(keys, args[1])
  if not args[2] or args[2] == '' then refuse('WCARG', 'fence must be given') end
  if meta.phase ~= 'done' then refuse('WCPHASE', 'the job is in phase %s', meta.phase) end
  if redis.call('EXISTS', keys[DEAD]) == 1 then refuse('WCSTATE', 'tasks were buried') end
  if meta.keep > 0 and not meta.full then refuse('WCPHASE', 'the sorted set is not full') end
  local fence = meta.final or args[2]
  redis.call('HSET', keys[META], 'final', fence)
  return {fence, meta.mapped, meta.reduced, meta.tokens, meta.bytes, meta.stored}
end

-- Opens a finished job for the holder of its fence. The server's run_id would not do in its place: a master that was
-- demoted and resynced from a lagging replica keeps it, and a clean does not change it.
local function open_final(keys, fence)
  local meta = read_meta(keys)
  if not meta then refuse('WCNOJOB', 'no such job') end
  if not fence or fence == '' or meta.final ~= fence or meta.phase ~= 'done' then
    refuse('WCFINAL', 'the result is not fenced by this caller any more')
  end
  return meta
end

-- result: a page of the counts, by descending count.
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

-- dismiss: the job is sealed, its workers may leave.
--   ARGV    fence
local function dismiss(keys, args)
  open_final(keys, args[1])
  redis.call('HSET', keys[META], 'dismissed', args[1])
  redis.call('DEL', keys[WORKERS])
  return redis.status_reply('OK')
end

-- discard: drops what the result of a sealed job doesn't need, and lets its other keys expire where that is wanted.
--   ARGV    fence, seconds to live (0: for ever), tally of all outputs
-- Without reducers the outputs stay: another supervisor that seals the job looks at them, because no reducer did. With
-- reducers, it finds the tally here.
-- Guard: the fence. A deletion that comes late, after a rollback reopened the job, would leave nothing to reduce.
local function discard(keys, args)
  local meta = open_final(keys, args[1])
  local ttl = integer(args[2], 'seconds')
  check_tally(args[3])
  redis.call('UNLINK', keys[ATTEMPTS])
  if meta.reducers > 0 then redis.call('HSET', keys[META], 'tally', args[3]) end
  if meta.reducers > 0 then redis.call('UNLINK', keys[OUTPUTS]) end
  if ttl > 0 then
    for _, key in ipairs(keys) do redis.call('EXPIRE', key, args[2]) end
  end
  return redis.status_reply('OK')
end

-- renew: a heartbeat; renews the leases that the caller still holds, and keeps in `workers` what the caller says of itself.
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

-- release: marks every lease of a consumer as run out, so that the next thief need not wait.
--   ARGV    run, consumer, after how many deaths a task runs alone (0: the consumer did not die)
--   returns how many leases it held
-- The entries stay pending: who takes them gets them by XAUTOCLAIM, as it would have after the lease.
-- Guard: a death is counted against a task only if it was seen, and the task may have caused it. A task that runs alone
-- must have been begun; any other may have been in the table. A lease that was released already counts for nothing: this
-- is the same death, told twice, or its owner had left in good order.
local function release(keys, args)
  open_run(keys, args[1])
  local consumer, alone, held = args[2], integer(args[3], 'deaths'), 0
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
        held, from = held + 1, '(' .. p[1]
      end
    until #page < 1000
  end
  redis.call('HDEL', keys[WORKERS], consumer)
  return held
end

-- begin_task: says that a consumer begins with a task that it took over.
--   ARGV    run, stream, task number, consumer
--   returns how many workers died that had it
-- Redis's own delivery count would not do: it rises with every read of one's own pending entries, and with every restart.
local function begin_task(keys, args)
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
--   ARGV    run
--   returns how many there were
-- A stream takes no ID twice, but an entry stays when it is acknowledged: it becomes pending again, with a lease that
-- ran out long ago, so the next thief takes it. What the task went through is forgotten, or the next trouble would bury it.
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

-- commands are all commands that a function may call from its first write on. Before that write, a command that is refused
-- does no harm.
local function register(name, body, commands)
  redis.register_function{function_name = 'wordcount_' .. SCHEMA .. '_' .. name, callback = guarded(body, commands)}
end

local function register_reading(name, body)
  redis.register_function{function_name = 'wordcount_' .. SCHEMA .. '_' .. name, callback = guarded(body, {}), flags = {'no-writes'}}
end

register('seed', seed, {'DEL', 'HSET', 'XGROUP', 'XLEN', 'XADD', 'HMGET'})
register('commit', commit, {'XACK', 'ZINCRBY', 'HSET', 'XLEN', 'XADD'})
register_reading('outputs', outputs)
register('revoke', revoke, {'HDEL', 'HGET', 'HSET', 'XCLAIM', 'XLEN', 'XADD'})
register_reading('place', place)
-- put itself calls no ZADD. The caller sends one in the same transaction, but without the right to MULTI there is no
-- transaction: then put must not acknowledge what ZADD was refused to store.
register('put', put, {'ZADD', 'XACK', 'HSET', 'XLEN', 'XADD', 'HDEL'})
register('put_files', put_files, {'XACK', 'HSET', 'XLEN', 'XADD'})
register_reading('results', results)
register('fill', fill, {'ZADD', 'HSET'})
register('final', final, {'HSET'})
register_reading('result', result)
register_reading('sum', sum)
register('dismiss', dismiss, {'HSET', 'DEL'})
register('discard', discard, {'UNLINK', 'HSET', 'EXPIRE'})
register('renew', renew, {'HSET', 'XPENDING', 'XCLAIM'})
register('release', release, {'XPENDING', 'HSET', 'HGET', 'HINCRBY', 'XCLAIM', 'HDEL'})
register('begin_task', begin_task, {'HSET', 'HDEL', 'HINCRBY', 'HSETNX', 'HGET'})
register('fail', fail, {'HSETNX', 'HDEL', 'HINCRBY', 'XACK', 'HSET'})
register('requeue', requeue, {'XCLAIM', 'HDEL', 'DEL'})
register('clean', clean, {'UNLINK'})
register_reading('status', status)
