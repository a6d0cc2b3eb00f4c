-- Adds one batch [from, to) of one partition, only where the stored offset is `from`, and stores `to`.
-- aggregate.py -> store.py -> here. So no crash, retry or second owner of the partition counts twice.
--
-- KEYS   1 offset  2 seq  3 ids  4 gaps  5 days  6 seen  7 recent  8 misfits  9 start, then the buckets
-- ARGV   1 the plan (store.py, Plan) as msgpack  2 the channel of changes  3 what is told there
-- Returns 1 where it was applied, else the stored offset as text ("" where none is).
local OFFSET, SEQ, IDS, GAPS, DAYS, SEEN, RECENT, MISFITS, START = unpack(KEYS, 1, 9)
local plan = cmsgpack.unpack(ARGV[1])

local stored = redis.call('GET', OFFSET) or ''
if stored ~= plan.expected then
  return stored
end
local now = tonumber(redis.call('TIME')[1])

-- A number that does not fit must not stop the batch half way: it is named, and audit tells it.
local function add(key, field, number)
  local answer = redis.pcall('HINCRBY', key, field, number)
  if type(answer) == 'table' and answer.err then
    redis.call('HSET', MISFITS, key .. ' ' .. field, answer.err)
  end
end

-- Where a name begins: behind "v|" or "r|EUR|" of a fold whose fields have kinds.
local function kind_of(field, has_kinds)
  return has_kinds and (field:match('^%l+|%u%u%u|') or field:match('^%l+|')) or ''
end

-- The fields of a hash by kind, the largest number first, marks left out: { kind = { {field, text, number} } }
local function by_kind(key, has_kinds)
  local flat, kinds = redis.call('HGETALL', key), {}
  for place = 1, #flat, 2 do
    local field, text = flat[place], flat[place + 1]
    local kind = kind_of(field, has_kinds)
    local name = field:sub(#kind + 1)
    if name ~= plan.other and name ~= plan.off then
      kinds[kind] = kinds[kind] or {}
      table.insert(kinds[kind], {field, text, math.abs(tonumber(text))})
    end
  end
  for _, list in pairs(kinds) do
    table.sort(list, function(a, b)
      return a[3] > b[3] or (a[3] == b[3] and a[1] < b[1])
    end)
  end
  return kinds
end

local function largest(kinds)
  local found, total = nil, 0
  for kind, list in pairs(kinds) do
    total = total + #list
    if not found or #list > #kinds[found] or (#list == #kinds[found] and kind < found) then
      found = kind
    end
  end
  return found, total
end

-- A bucket with more fields than its cap drops the smallest ones of its largest kind, until six tenths are left.
-- What is dropped goes into (other), so sums stay exact; (off) grows by the largest number dropped, so that
-- each field is short by at most (off). Many rare names, such as a hostile sender's, never push out frequent ones.
local function prune(key, cap, has_kinds)
  local kinds = by_kind(key, has_kinds)
  local kind, total = largest(kinds)
  local dropped = {}
  while total > cap * 0.6 do
    local list = kinds[kind]
    local keep = math.min(math.floor(#list * 0.75), #list - 1)
    add(key, kind .. plan.off, (list[keep + 1][2]:gsub('^-', '')))
    for place = keep + 1, #list do
      dropped[#dropped + 1] = list[place][1]
      add(key, kind .. plan.other, list[place][2])
      list[place] = nil
    end
    kind, total = largest(kinds)
  end
  for first = 1, #dropped, 1000 do
    redis.call('HDEL', key, unpack(dropped, first, math.min(first + 999, #dropped)))
  end
end

-- counts: { {keys}, {field = number}, {a cap for each key, 0 for none}, has_kinds }
local function count(counts)
  for _, entry in ipairs(counts) do
    for place, index in ipairs(entry[1]) do
      local key, cap = KEYS[index], entry[3][place]
      for field, number in pairs(entry[2]) do
        add(key, field, number)
      end
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

-- index: { key, {finer buckets} }: when each was first written, and from which offset on it is whole
for _, entry in ipairs(plan.index) do
  for _, finer in ipairs(entry[2]) do
    redis.call('HSETNX', KEYS[entry[1]], finer, now .. ':' .. plan.from)
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
