-- Whether a partition's buckets are where they were when they were chosen. heads.py -> here.
--
-- KEYS 1 moves, then indexes of hours  ARGV 1 moves as it was, then of each hour the span that all its minutes lay in
-- Returns 1 where no unit has left Redis since, and no hour has a minute outside of its span; else 0.
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then
  return 0
end
for place = 2, #KEYS do
  local low, high = tonumber(ARGV[2 * place - 2]), tonumber(ARGV[2 * place - 1])
  for _, minute in ipairs(redis.call('HKEYS', KEYS[place])) do
    if tonumber(minute) < low or tonumber(minute) >= high then
      return 0
    end
  end
end
return 1
