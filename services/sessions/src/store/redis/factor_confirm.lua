-- Confirms a second factor, which is kept from now on.
local account, setup, nonce = ARGV[7], tonumber(ARGV[8]), ARGV[9]
local step, recovery, event, floor = ARGV[10], ARGV[11], ARGV[12], ARGV[13]

return once(function()
    local factor = factor_of(account, setup)
    if factor and factor.confirmed then
        return nil, 'active'
    end
    if not factor or factor.nonce ~= nonce then
        return nil, 'no factor'
    end
    local key = base .. 'f:' .. account
    redis.call('HSET', key, 'confirmed', whole(now), 'step', step, 'recovery', recovery)
    redis.call('PERSIST', key)
    redis.call('ZADD', base .. 'held', 0, account)
    tell(event, floor)
    return nonce
end)
