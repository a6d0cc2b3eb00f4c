-- What a partition's head and the indexes of its units say, in one call. presence.py -> here.
--
-- KEYS  1 offset  2 start  3 gaps  4 moves  5 days, then indexes of hours or days
-- Returns msgpack { now in s, offset, start, {gaps}, moves, {days}, { {field, text ...}, ... } }: an index that is not
-- there is empty.
local indexes = {}
for place = 6, #KEYS do
  indexes[place - 5] = redis.call('HGETALL', KEYS[place])
end
return cmsgpack.pack({
  tonumber(redis.call('TIME')[1]),
  redis.call('GET', KEYS[1]) or '',
  redis.call('GET', KEYS[2]) or '',
  redis.call('HGETALL', KEYS[3]),
  redis.call('GET', KEYS[4]) or '',
  redis.call('ZRANGE', KEYS[5], 0, -1),
  indexes,
})
