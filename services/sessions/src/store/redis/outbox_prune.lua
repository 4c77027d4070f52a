-- Forgets events up to a position, so many at most; answers how many.
local old = redis.call('ZRANGEBYSCORE', base .. 'outbox', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
for _, event in ipairs(old) do
    redis.call('ZREM', base .. 'outbox', event)
end
return #old
