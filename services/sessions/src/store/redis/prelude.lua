-- What every script starts with. `KEYS[1]` is what all keys of sessions begin with; `ARGV[1]` is the time now.
--
--   s:<session>            hash    one living session
--   a:<account>            zset    its sessions, by id
--   expiry                 zset    every session with its account, by when it expires
--   held                   zset    every account of which something is kept, by id
--   revoked                zset    sessions that ended, with the time, by the cursor of those who follow
--   sequence               string  the last cursor
--   r:<caller>:<request>   hash    what a request was answered
--   c:<caller>             zset    the requests of an account, by time
--   e:<account>            string  when the account was erased
--   b:<account>            string  when the account last ended its sessions
--   g:<subject>            hash    what was guessed at a login or an account, or from an address
--   d:<account>            zset    the devices that it knows, by their last sign-in
--   devices                zset    every account that knows devices, by its last sign-in
--   p:<account>            hash    its app passwords, by id
--   f:<account>            hash    its second factor: without expiry, once it is confirmed
--   outbox                 zset    events that are to be told, by position
--   told                   string  the position of the last event
--   keys                   hash    the keys that sign access tokens
--
-- Ids have 19 digits, so that they sort as text does, and are never made numbers, which would round them.
local base, now = KEYS[1], tonumber(ARGV[1])

local function whole(number)
    return string.format('%.0f', number)
end

-- Takes an account of which nothing is kept any more out of those that are held.
local function release(account)
    local kept = redis.call('EXISTS', base .. 'a:' .. account, base .. 'd:' .. account, base .. 'p:' .. account)
    if kept == 0 and not redis.call('HGET', base .. 'f:' .. account, 'confirmed') then
        redis.call('ZREM', base .. 'held', account)
    end
end

-- Takes a session out of everything but the list of those that ended.
local function forget(session, account)
    redis.call('DEL', base .. 's:' .. session)
    redis.call('ZREM', base .. 'expiry', session .. ':' .. account)
    redis.call('ZREM', base .. 'a:' .. account, session)
    release(account)
end

-- Ends a session: it goes, and those who verify access tokens hear of it. The cursor is the time, or one more than the
-- last: so it never falls behind what somebody has seen, also not when the server has lost its newest writes, or all.
local function finish(session, account)
    forget(session, account)
    local last = tonumber(redis.call('GET', base .. 'sequence') or '0')
    local sequence = whole(math.max(last + 1, now))
    redis.call('SET', base .. 'sequence', sequence)
    redis.call('ZADD', base .. 'revoked', sequence, session .. ':' .. whole(now))
end

-- Notes when a session expires, everywhere. Redis drops what nobody has pruned by then.
local function keep(session, account, expires, lifetime)
    redis.call('PEXPIRE', base .. 's:' .. session, lifetime)
    redis.call('ZADD', base .. 'a:' .. account, 0, session)
    redis.call('ZADD', base .. 'expiry', expires, session .. ':' .. account)
    redis.call('ZADD', base .. 'held', 0, account)
    for _, key in ipairs({ 'a:' .. account, 'expiry' }) do
        redis.call('PEXPIRE', base .. key, lifetime)
    end
end

-- No token without its key: a server that lost the key gets it back with the first token that the key signs.
local function publish(kid, material)
    if material ~= '' then
        redis.call('HSETNX', base .. 'keys', kid, material)
    end
end

