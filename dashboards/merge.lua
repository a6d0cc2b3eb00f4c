-- Reads many hashes of one partition in one call. selectors.py, audit.py -> store.py -> here.
--
-- KEYS the hashes; ARGV 1 'sum' to add them up field by field, 'each' to get them one by one.
-- Returns msgpack: for 'sum' {field, number, field, number ...}, where a field whose number is too long
-- for a double comes as text, once for each bucket; for 'each' a list of {field, text ...}, one per key.
if ARGV[1] == 'each' then
  local found = {}
  for index, key in ipairs(KEYS) do
    found[index] = redis.call('HGETALL', key)
  end
  return cmsgpack.pack(found)
end

local sums, flat = {}, {}
for _, key in ipairs(KEYS) do
  local pairs_of_key = redis.call('HGETALL', key)
  for index = 1, #pairs_of_key, 2 do
    local field, number = pairs_of_key[index], pairs_of_key[index + 1]
    if #number > 12 then
      flat[#flat + 1] = field
      flat[#flat + 1] = number
    else
      sums[field] = (sums[field] or 0) + tonumber(number)
    end
  end
end
for field, number in pairs(sums) do
  flat[#flat + 1] = field
  flat[#flat + 1] = number
end
return cmsgpack.pack(flat)
