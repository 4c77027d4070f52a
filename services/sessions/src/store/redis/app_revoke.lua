-- Takes an app password away, and ends the sessions that it opened.
local account, id = ARGV[7], ARGV[8]

return once(function()
    local gone = redis.call('HDEL', base .. 'p:' .. account, id)
    for _, session in ipairs(redis.call('ZRANGE', base .. 'a:' .. account, 0, -1)) do
        local seen = redis.call('HMGET', base .. 's:' .. session, 'app', 'expires')
        if seen[1] == id and tonumber(seen[2]) > now then
            finish(session, account)
        end
    end
    release(account)
    return gone == 1 and 'revoked' or 'absent'
end)
