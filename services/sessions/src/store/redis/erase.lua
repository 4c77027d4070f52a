-- Ends all sessions of accounts and forgets what their requests were answered, so many for each; answers how many
-- requests are left.
local erased_for, limit, left = ARGV[2], tonumber(ARGV[3]), 0
for at = 4, #ARGV do
    local account = ARGV[at]
    redis.call('SET', base .. 'e:' .. account, whole(now), 'PX', erased_for)
    for _, session in ipairs(redis.call('ZRANGE', base .. 'a:' .. account, 0, -1)) do
        finish(session, account)
    end
    redis.call('DEL', base .. 'b:' .. account, base .. 'd:' .. account, base .. 'f:' .. account,
        base .. 'p:' .. account)
    redis.call('ZREM', base .. 'devices', account)
    release(account)
    local index = base .. 'c:' .. account
    for _, request in ipairs(redis.call('ZRANGE', index, 0, limit - 1)) do
        redis.call('DEL', base .. 'r:' .. account .. ':' .. request)
        redis.call('ZREM', index, request)
    end
    left = left + redis.call('ZCARD', index)
end
return left
