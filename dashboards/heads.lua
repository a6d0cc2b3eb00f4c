-- What a partition's head and the indexes of its units say, in one call. presence.py -> here.
--
-- KEYS  1 offset  2 start  3 gaps  4 moves  5 days, then indexes of hours or days
-- ARGV  1 msgpack { for each index the end that the reader remembers it with, 0 for none }
-- Returns msgpack { now in s, offset, start, {gaps}, moves, {days}, { {end, {field, text ...}}, ... } }. An index's end in ms
-- moves with each batch that changes a bucket named in it; where it is the remembered one, only the end is told,
-- and 0 where there is no such index.
local indexes, remembered = {}, cmsgpack.unpack(ARGV[1])
for place = 6, #KEYS do
  local ends = redis.call('PEXPIRETIME', KEYS[place])
  if ends < 0 then
    indexes[#indexes + 1] = { 0 }
  elseif remembered[place - 5] == ends then
    indexes[#indexes + 1] = { ends }
  else
    indexes[#indexes + 1] = { ends, redis.call('HGETALL', KEYS[place]) }
  end
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
