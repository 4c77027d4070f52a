-- Forgets expired sessions and endings that no longer matter, so many of each; answers how many went.
local limit, ended_by, unused_since = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local expired = redis.call('ZRANGEBYSCORE', base .. 'expiry', '-inf', now, 'LIMIT', 0, limit)
for _, member in ipairs(expired) do
    forget(string.match(member, '^(%d+):(%d+)$'))
end
local old = redis.call('ZRANGEBYSCORE', base .. 'revoked', '-inf', ended_by, 'LIMIT', 0, limit)
for _, member in ipairs(old) do
    redis.call('ZREM', base .. 'revoked', member)
end
local unused = redis.call('ZRANGEBYSCORE', base .. 'devices', '-inf', unused_since, 'LIMIT', 0, limit)
for _, account in ipairs(unused) do
    redis.call('DEL', base .. 'd:' .. account)
    redis.call('ZREM', base .. 'devices', account)
    release(account)
end
return #expired + #old + #unused
