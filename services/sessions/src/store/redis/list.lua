-- Living sessions of an account, by falling id, below a bound.
local account, bound, limit = ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = {}
while #found < limit do
    local ids = redis.call('ZREVRANGEBYLEX', base .. 'a:' .. account, bound, '-', 'LIMIT', 0, limit)
    if #ids == 0 then
        break
    end
    for _, id in ipairs(ids) do
        local seen = redis.call('HMGET', base .. 's:' .. id, 'device', 'created', 'used', 'expires', 'generation',
            'rotated', 'address', 'app', 'scopes')
        if seen[1] and tonumber(seen[4]) > now and #found < limit then
            seen[7], seen[8], seen[9] = seen[7] or '', seen[8] or '', seen[9] or '0'
            table.insert(seen, 1, id)
            table.insert(found, seen)
        end
    end
    bound = '(' .. ids[#ids]
end
return found
