-- Takes a second factor away, for a code of it.
local account, setup, nonce = ARGV[7], tonumber(ARGV[8]), ARGV[9]
local kind, value, event, floor = ARGV[10], ARGV[11], ARGV[12], ARGV[13]

return once(function()
    if not spend(account, setup, nonce, kind, value) then
        return nil, 'code'
    end
    redis.call('DEL', base .. 'f:' .. account)
    release(account)
    tell(event, floor)
    return nonce
end)
