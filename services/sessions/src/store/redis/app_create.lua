-- Keeps a new app password: when it was made, when it was last used, its scopes and its name.
local account, id, value, most, event, floor = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11], ARGV[12]

return once(function()
    local key = base .. 'p:' .. account
    if redis.call('HLEN', key) >= most then
        return nil, 'too many apps'
    end
    if redis.call('HSETNX', key, id, value) == 0 then
        return nil, 'clash'
    end
    redis.call('ZADD', base .. 'held', 0, account)
    tell(event, floor)
    return id .. ' ' .. value
end)
