-- Forgets expired sessions and endings that no longer matter, so many of each; answers how many went.
local limit, ended_by = tonumber(ARGV[2]), ARGV[3]
local expired = redis.call('ZRANGEBYSCORE', base .. 'expiry', '-inf', now, 'LIMIT', 0, limit)
for _, member in ipairs(expired) do
    forget(string.match(member, '^(%d+):(%d+)$'))
end
local old = redis.call('ZRANGEBYSCORE', base .. 'revoked', '-inf', ended_by, 'LIMIT', 0, limit)
for _, member in ipairs(old) do
    redis.call('ZREM', base .. 'revoked', member)
end
return #expired + #old
