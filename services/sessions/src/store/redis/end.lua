-- Ends a session of this account, if it lives.
local account, session = ARGV[7], ARGV[8]

return once(function()
    local seen = redis.call('HMGET', base .. 's:' .. session, 'account', 'expires')
    if seen[1] ~= account or tonumber(seen[2]) <= now then
        return 'absent'
    end
    finish(session, account)
    return 'ended'
end)
