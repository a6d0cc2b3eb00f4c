-- Adds one batch [from, to) of one partition, only where the stored offset is `from`, and stores `to`.
-- aggregate.py -> store.py -> here. So no crash, retry or second owner of the partition counts twice.
--
-- KEYS   1 offset  2 seq  3 ids  4 gaps  5 days  6 seen  7 recent  8 misfits  9 start, then the buckets
-- ARGV   1 the plan (store.py, Plan) as msgpack  2 the channel of changes  3 what is told there, then the steps
-- Returns 1 where it was applied, else the stored offset as text ("" where none is).
local OFFSET, SEQ, IDS, GAPS, DAYS, SEEN, RECENT, MISFITS, START = unpack(KEYS, 1, 9)
local plan = cmsgpack.unpack(ARGV[1])

local stored = redis.call('GET', OFFSET) or ''
if stored ~= plan.expected then
  return stored
end
local time = redis.call('TIME')
local now, now_ms = tonumber(time[1]), time[1] * 1000 + math.floor(time[2] / 1000)

-- A number that does not fit must not stop the batch half way: it is named, and audit tells it.
local function add(key, field, number)
  local answer = redis.pcall('HINCRBY', key, field, number)
  if type(answer) == 'table' and answer.err then
    redis.call('HSET', MISFITS, key .. ' ' .. field, answer.err)
  end
end

-- Adds to many fields in two commands: the sums that a double surely holds are made here, the others by add().
local DIGITS, EXACT, AT_ONCE = 15, 1e15, 500  -- Lua passes at most some thousands of arguments
local function add_some(key, fields, numbers)
  local stored, sums = redis.call('HMGET', key, unpack(fields)), {}
  for place, field in ipairs(fields) do
    local old, number = stored[place] or '0', numbers[place]
    local sum = type(number) == 'number' and #old <= DIGITS and tonumber(old)
    if sum and math.abs(sum + number) < EXACT then
      sums[#sums + 1] = field
      sums[#sums + 1] = sum + number
    else
      add(key, field, number)
    end
  end
  if #sums > 0 then
    redis.call('HSET', key, unpack(sums))
  end
end

local function add_all(key, added)
  local fields, numbers = {}, {}
  for field, number in pairs(added) do
    fields[#fields + 1], numbers[#numbers + 1] = field, number
    if #fields == AT_ONCE then
      add_some(key, fields, numbers)
      fields, numbers = {}, {}
    end
  end
  if #fields > 0 then
    add_some(key, fields, numbers)
  end
end

-- Where a name begins: behind "v|" or "r|EUR|" of a fold whose fields have kinds.
local function kind_of(field, has_kinds)
  return has_kinds and (field:match('^%l+|%u%u%u|') or field:match('^%l+|')) or ''
end

-- The most fields that each kind may keep, so that all together are at most `room`: none is cut for a larger one.
local function share(kinds, room)
  local sizes = {}
  for _, places in pairs(kinds) do
    sizes[#sizes + 1] = #places
  end
  table.sort(sizes)
  for index, size in ipairs(sizes) do
    local each = math.floor(room / (#sizes - index + 1))
    if size > each then
      return math.max(each, 1)
    end
    room = room - size
  end
  return math.huge
end

-- The number above which fields are kept, and how many of those that have just that number.
local function threshold(numbers, most)
  local count, distinct = {}, {}
  for _, number in ipairs(numbers) do
    if not count[number] then
      count[number] = 0
      distinct[#distinct + 1] = number
    end
    count[number] = count[number] + 1
  end
  table.sort(distinct, function(a, b) return a > b end)
  for _, number in ipairs(distinct) do
    if count[number] > most then
      return number, most
    end
    most = most - count[number]
  end
end

-- Drops the smallest fields of one kind: their sum goes into (other), the largest of them into (off).
local function drop(key, kind, flat, places, most)
  local numbers = {}
  for index, place in ipairs(places) do
    numbers[index] = math.abs(tonumber(flat[place + 1]))
  end
  local least, ties = threshold(numbers, most)
  local dropped, sum, off, text = {}, 0, -1, '0'
  for index, place in ipairs(places) do
    local number = numbers[index]
    if number == least and ties > 0 then
      ties = ties - 1
    elseif number <= least then
      dropped[#dropped + 1] = flat[place]
      if number > off then
        off, text = number, flat[place + 1]
      end
      if #flat[place + 1] > 12 then  -- Lua's numbers are doubles
        add(key, kind .. plan.other, flat[place + 1])
      else
        sum = sum + tonumber(flat[place + 1])
      end
    end
  end
  add(key, kind .. plan.other, sum)
  add(key, kind .. plan.off, (text:gsub('^-', '')))
  for first = 1, #dropped, 1000 do
    redis.call('HDEL', key, unpack(dropped, first, math.min(first + 999, #dropped)))
  end
end

-- A bucket with more fields than its cap keeps the largest, six tenths of the cap in all. So sums stay exact, and
-- each field is short by at most (off). Many rare names, such as a hostile sender's, never push out frequent ones.
local function prune(key, cap, has_kinds)
  local flat, kinds = redis.call('HGETALL', key), {}
  for place = 1, #flat, 2 do
    local kind = kind_of(flat[place], has_kinds)
    local name = has_kinds and flat[place]:sub(#kind + 1) or flat[place]
    if name ~= plan.other and name ~= plan.off then
      kinds[kind] = kinds[kind] or {}
      table.insert(kinds[kind], place)
    end
  end
  local most = share(kinds, cap * 0.6)
  for kind, places in pairs(kinds) do
    if #places > most then
      drop(key, kind, flat, places, most)
    end
  end
end

-- counts: { {keys}, {field = number}, {a cap for each key, 0 for none}, has_kinds }
local function count(counts)
  for _, entry in ipairs(counts) do
    for place, index in ipairs(entry[1]) do
      local key, cap = KEYS[index], entry[3][place]
      add_all(key, entry[2])
      if cap > 0 and redis.call('HLEN', key) > cap then
        prune(key, cap, entry[4])
      end
    end
  end
end

count(plan.counts)

for _, entry in ipairs(plan.members) do
  local members = entry[2]
  for first = 1, #members, 1000 do  -- Lua passes at most some thousands of arguments
    redis.call('PFADD', KEYS[entry[1]], unpack(members, first, math.min(first + 999, #members)))
  end
end

-- merges: { key, {keys} }: an hour takes in its minutes, a day its hours, which have all that it is to have
for _, entry in ipairs(plan.merges) do
  local parts = {}
  for place, index in ipairs(entry[2]) do
    parts[place] = KEYS[index]
  end
  redis.call('PFMERGE', KEYS[entry[1]], unpack(parts))
end

-- Stock events of others: once per id. The clock is the time of sending and never runs backwards.
if #plan.foreign > 0 then
  local newest = redis.call('ZRANGE', IDS, -1, -1, 'WITHSCORES')
  local clock = tonumber(newest[2] or 0)
  for _, entry in ipairs(plan.foreign) do
    clock = math.max(clock, entry[2])
    local seen_at = tonumber(redis.call('ZSCORE', IDS, entry[1]) or -plan.ids_ms - 1)
    if clock - seen_at > plan.ids_ms then
      redis.call('ZADD', IDS, clock, entry[1])
      count(entry[3])
    end
  end
  redis.call('ZREMRANGEBYSCORE', IDS, '-inf', clock - plan.ids_ms - 1)
  redis.call('EXPIRE', IDS, math.ceil(plan.ids_ms / 1000))
end

-- index: { key, {finer buckets} }: when each was first written, from which offset on it is whole, and its version:
-- when it changed last, later than ever before, so that no two states of it have the same
for _, entry in ipairs(plan.index) do
  local key = KEYS[entry[1]]
  for _, finer in ipairs(entry[2]) do
    local made, changed = (redis.call('HGET', key, finer) or ''):match('^(%d+:%d+):?(%d*)$')
    made = made or now .. ':' .. plan.from
    local version = math.max(now_ms, (tonumber(changed) or 0) + 1)
    redis.call('HSET', key, finer, made .. ':' .. string.format('%.0f', version))
  end
end

-- a full minute stays so, and whoever reads it knows that it may lack some
for place, index in ipairs(plan.steps) do
  if redis.call('STRLEN', KEYS[index]) <= plan.full then
    redis.call('APPEND', KEYS[index], ARGV[3 + place])
  end
end

for index, seconds in ipairs(plan.keep) do
  redis.call('EXPIRE', KEYS[9 + index], seconds)
end

for _, day in ipairs(plan.days) do
  redis.call('ZADD', DAYS, now, day)
end
if #plan.days > 0 then
  redis.call('ZREMRANGEBYSCORE', DAYS, '-inf', now - plan.keep_days)
end

if #plan.seen > 0 then
  for first = 1, #plan.seen, 1000 do
    redis.call('ZADD', SEEN, 'GT', unpack(plan.seen, first, math.min(first + 999, #plan.seen)))
  end
  redis.call('ZREMRANGEBYSCORE', SEEN, '-inf', (now - plan.seen_seconds) * 1000)
  redis.call('EXPIRE', SEEN, plan.seen_seconds)
end

if #plan.recent > 0 then
  redis.call('LPUSH', RECENT, unpack(plan.recent))
  redis.call('LTRIM', RECENT, 0, plan.recent_events - 1)
  redis.call('EXPIRE', RECENT, 86400)
end

if stored == '' then
  redis.call('SET', START, plan.from)
end
if plan.gap then
  redis.call('HSET', GAPS, plan.from, plan.to)
end
if plan.seq > 0 then
  redis.call('SET', SEQ, plan.seq)
end
redis.call('SET', OFFSET, plan.to)
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
