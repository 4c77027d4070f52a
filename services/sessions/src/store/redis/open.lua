-- Opens a session. Past the account's limit the session unused for longest ends.
local session, account, device, expires = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local lifetime, limit, erased_for = ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])
local kid, material, outcome, address, proved = ARGV[14], ARGV[15], ARGV[16], ARGV[17], tonumber(ARGV[18])

-- The account's living sessions, the one used last first, if there may be more than `others`.
local function by_use(others)
    local living, sessions = {}, base .. 'a:' .. account
    if redis.call('ZCARD', sessions) <= others then
        return living
    end
    for _, id in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
        local seen = redis.call('HMGET', base .. 's:' .. id, 'used', 'expires')
        if seen[1] and tonumber(seen[2]) > now then
            table.insert(living, { id = id, used = tonumber(seen[1]) })
        end
    end
    table.sort(living, function(a, b)
        if a.used ~= b.used then return a.used > b.used end
        return a.id > b.id
    end)
    return living
end

local used_device, known_for, most, event, floor = ARGV[19], tonumber(ARGV[20]), tonumber(ARGV[21]), ARGV[22], ARGV[23]

-- Notes that a device was used; whether it was not known.
local function saw()
    local key = base .. 'd:' .. account
    local seen = redis.call('ZSCORE', key, used_device)
    redis.call('ZADD', key, now, used_device)
    redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
    redis.call('PEXPIRE', key, known_for)
    redis.call('ZADD', base .. 'devices', now, account)
    return not seen or tonumber(seen) <= now - known_for
end

local setup, nonce, kind, value, used_event = tonumber(ARGV[24]), ARGV[25], ARGV[26], ARGV[27], ARGV[28]
local app, scopes = ARGV[29], ARGV[30]

-- Notes that the app password signs in; whether there is one.
local function used_app()
    local key = base .. 'p:' .. account
    local created, rest = string.match(redis.call('HGET', key, app) or '', '^(%d+) %d+ (.*)$')
    if not created then
        return false
    end
    redis.call('HSET', key, app, created .. ' ' .. whole(now) .. ' ' .. rest)
    return true
end

return once(function()
    local erased = redis.call('GET', base .. 'e:' .. account)
    if erased and tonumber(erased) > now - erased_for then
        return nil, 'erased'
    end
    if tonumber(redis.call('GET', base .. 'b:' .. account) or '0') > proved then
        return nil, 'barred'
    end
    if redis.call('EXISTS', base .. 's:' .. session) == 1 then
        return nil, 'clash'
    end
    if app ~= '' then
        if not used_app() then
            return nil, 'barred'
        end
    elseif kind == '' then
        local factor = factor_of(account, setup)
        if factor and factor.confirmed then
            return 'challenged ' .. account .. ' ' .. whole(proved)
        end
    else
        local spent, left = spend(account, setup, nonce, kind, value)
        if not spent then
            return nil, 'code'
        end
        if left then
            tell(used_event .. ' recovery ' .. account .. ' ' .. whole(left), floor)
        end
    end
    local living = by_use(limit - 1)
    for at = limit, #living do
        finish(living[at].id, account)
    end
    redis.call('HSET', base .. 's:' .. session, 'account', account, 'device', device, 'created', whole(now),
        'used', whole(now), 'expires', expires, 'generation', '1', 'rotated', whole(now),
        'address', address, 'app', app, 'scopes', scopes)
    keep(session, account, expires, lifetime)
    if saw() then
        tell(event, floor)
    end
    publish(kid, material)
    return outcome
end)
