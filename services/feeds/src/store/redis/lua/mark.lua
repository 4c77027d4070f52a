-- Keys: marks. Arguments: 16 bytes never used before, authors.
local epoch = ensure_marks(KEYS[1], ARGV[1])
for at = 2, #ARGV do
  redis.call('HSETNX', KEYS[1], ARGV[at], '')
end
redis.call('HSET', KEYS[1], 'v', epoch .. string.format('%d', redis.call('HLEN', KEYS[1]) - 1))
