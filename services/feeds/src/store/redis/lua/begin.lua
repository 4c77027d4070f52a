-- Keys: build, marks. Arguments: ticket, 16 bytes never used before, milliseconds a build may take.
local epoch, version = ensure_marks(KEYS[2], ARGV[2])
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 't', epoch .. ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
