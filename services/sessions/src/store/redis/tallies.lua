-- What was counted for a subject: a hash that goes a while after its last guess.

-- Whom a subject is counted as.
local function counted_as(subject, window)
    local seen = redis.call('HMGET', base .. 'g:' .. subject, 'as', 'last')
    if seen[1] and tonumber(seen[2]) > now - window then
        return seen[1]
    end
    return subject
end

local function tally_of(subject, window)
    local seen = redis.call('HMGET', base .. 'g:' .. subject, 'count', 'last', 'before', 'told')
    if seen[1] and tonumber(seen[2]) > now - window then
        return { count = tonumber(seen[1]), last = tonumber(seen[2]), before = tonumber(seen[3]),
            told = seen[4] == '1' }
    end
    return { count = 0, last = 0, before = 0, told = false }
end

local function count(subject, tally, window)
    local key = base .. 'g:' .. subject
    redis.call('DEL', key)
    if tally.count > 0 then
        redis.call('HSET', key, 'count', whole(tally.count), 'last', whole(tally.last), 'before', whole(tally.before),
            'told', tally.told and '1' or '0')
        redis.call('PEXPIRE', key, window)
    end
end

