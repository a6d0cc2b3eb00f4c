-- Reads many hashes of one partition in one call. selectors.py, audit.py -> store.py -> here.
--
-- KEYS the hashes; ARGV 1 'sum' to add them up field by field, in groups of ARGV 2, 3 ... keys, or 'each' to get
-- them one by one.
-- Returns msgpack: for 'sum' a list of {field, number, field, number ...}, one per group, where a field whose
-- number is too long for a double comes as text, once for each bucket; for 'each' a list of {field, text ...}.
if ARGV[1] == 'each' then
  local found = {}
  for index, key in ipairs(KEYS) do
    found[index] = redis.call('HGETALL', key)
  end
  return cmsgpack.pack(found)
end

local found, first = {}, 1
for group = 2, #ARGV do
  local sums, flat = {}, {}
  for place = first, first + tonumber(ARGV[group]) - 1 do
    local pairs_of_key = redis.call('HGETALL', KEYS[place])
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
  found[#found + 1] = flat
  first = first + tonumber(ARGV[group])
end
return cmsgpack.pack(found)
