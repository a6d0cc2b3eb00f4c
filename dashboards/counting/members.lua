-- Adds many members to a HyperLogLog that lives for one question. store.py -> here.
--
-- KEYS 1 the set  ARGV 1 msgpack: the members, at most some thousands
return redis.call('PFADD', KEYS[1], unpack(cmsgpack.unpack(ARGV[1])))
