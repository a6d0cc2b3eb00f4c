-- A token bucket a key, shared by all web processes. limits.py -> here.
-- KEYS[1] the bucket: HASH left, at. ARGV: tokens a second, most tokens, tokens wanted.
-- Returns {taken, left}, whole tokens. The clock is Redis's own, so that all processes have one.
local rate, most, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = tonumber(bucket[1]) or most
local at = tonumber(bucket[2]) or now
left = math.min(most, left + math.max(0, now - at) * rate)
local taken = math.min(wanted, math.floor(left))
left = left - taken
redis.call('HSET', KEYS[1], 'left', string.format('%.6f', left), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], 10)
return {taken, math.floor(left)}
