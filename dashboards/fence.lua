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

local function add_capped(key, fields, cap)
  local room = cap - redis.call('HLEN', key)
  for field, number in pairs(fields) do
    if redis.call('HEXISTS', key, field) == 1 then
      add(key, field, number)
    elseif room > 0 then
      room = room - 1
      add(key, field, number)
    else
      add(key, plan.other, number)
    end
  end
end

-- counts: { {keys}, {field = number}, cap }: one mapping may go to several buckets
local function count(counts)
  for _, entry in ipairs(counts) do
    for _, index in ipairs(entry[1]) do
      local key = KEYS[index]
      if entry[3] > 0 then
        add_capped(key, entry[2], entry[3])
      else
        for field, number in pairs(entry[2]) do
          add(key, field, number)
        end
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
