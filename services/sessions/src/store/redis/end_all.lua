-- Ends the sessions of an account that were opened by a time, but one, and bars the sign-ins that began before it.
local account, kept, before, barred_for = ARGV[7], ARGV[8], ARGV[9], ARGV[10]

return once(function()
    local ended = 0
    for _, session in ipairs(redis.call('ZRANGE', base .. 'a:' .. account, 0, -1)) do
        local seen = redis.call('HMGET', base .. 's:' .. session, 'created', 'expires')
        local living = seen[1] and tonumber(seen[2]) > now
        if living and session ~= kept and tonumber(seen[1]) <= tonumber(before) then
            finish(session, account)
            ended = ended + 1
        end
    end
    local bar = base .. 'b:' .. account
    local until_now = tonumber(redis.call('GET', bar) or '0')
    redis.call('SET', bar, whole(math.max(until_now, tonumber(before))), 'PX', barred_for)
    return whole(ended)
end)
