-- Uses a refresh token. What it is worth is what `Session::decide` says: the newest rotates, the one before it gets the
-- same successor for a while, an older one ends the session.
local session, presented = ARGV[7], tonumber(ARGV[8])
local lifetime, grace = tonumber(ARGV[9]), tonumber(ARGV[10])
local kid, material, address, event, floor = ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local key = base .. 's:' .. session

local answer = once(function()
    local seen = redis.call('HMGET', key, 'account', 'created', 'expires', 'generation', 'rotated', 'scopes')
    local account, created, expires, generation, rotated, scopes = unpack(seen)
    if not account or tonumber(expires) <= now or presented > tonumber(generation) then
        return nil, 'invalid'
    end
    if presented == tonumber(generation) then
        expires, generation, rotated = whole(now + lifetime), whole(generation + 1), whole(now)
        redis.call('HSET', key, 'used', rotated, 'expires', expires, 'generation', generation, 'rotated', rotated,
            'address', address)
        keep(session, account, expires, lifetime)
    elseif presented < generation - 1 or now - rotated > grace then
        finish(session, account)
        tell(event .. ' reused ' .. account .. ' ' .. session, floor)
        return 'reused'
    end
    publish(kid, material)
    return table.concat({ 'granted', session, account, created, rotated, expires, generation, kid,
        scopes or '0' }, ' ')
end)
if answer[1] == 'done' then
    answer[3] = redis.call('HGET', key, 'device') or ''
end
return answer
