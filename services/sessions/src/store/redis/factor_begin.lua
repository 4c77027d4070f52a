-- Begins to set up a second factor.
local account, setup, nonce = ARGV[7], tonumber(ARGV[8]), ARGV[9]

return once(function()
    local factor = factor_of(account, setup)
    if factor and factor.confirmed then
        return nil, 'active'
    end
    local key = base .. 'f:' .. account
    redis.call('DEL', key)
    redis.call('HSET', key, 'nonce', nonce, 'begun', whole(now))
    redis.call('PEXPIRE', key, setup)
    return nonce
end)
