-- Tells readers that the minutes of an hour have left Redis: the hour's version in its day's index is a new one.
-- history.py -> here, in the transaction that deletes them.
--
-- KEYS 1 the day's index  ARGV 1 the hour
local made, changed = (redis.call('HGET', KEYS[1], ARGV[1]) or ''):match('^(%d+:%d+):?(%d*)$')
if made then
  local time = redis.call('TIME')
  local version = math.max(time[1] * 1000 + math.floor(time[2] / 1000), (tonumber(changed) or 0) + 1)
  redis.call('HSET', KEYS[1], ARGV[1], made .. ':' .. string.format('%.0f', version))
end
return made and 1 or 0
