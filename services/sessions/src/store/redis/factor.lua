-- Second factors. One that is being set up goes by itself after a while.

-- What stands in the factor of an account, unless it was begun too long ago and not confirmed.
local function factor_of(account, setup)
    local seen = redis.call('HMGET', base .. 'f:' .. account, 'nonce', 'begun', 'confirmed', 'step', 'recovery')
    local nonce, begun, confirmed, step, recovery = unpack(seen)
    if not nonce or (not confirmed and tonumber(begun) <= now - setup) then
        return nil
    end
    return { nonce = nonce, confirmed = confirmed and true, step = tonumber(step or '0'),
        recovery = tonumber(recovery or '0') }
end

local function ones(number)
    local count = 0
    while number > 0 do
        count, number = count + number % 2, math.floor(number / 2)
    end
    return count
end

-- Spends a code of a confirmed factor: as `Factor::spent`. Whether it could; for a recovery code, how many are left.
local function spend(account, setup, nonce, kind, value)
    local factor = factor_of(account, setup)
    if not factor or not factor.confirmed or factor.nonce ~= nonce then
        return false
    end
    local key = base .. 'f:' .. account
    if kind == 'step' then
        if tonumber(value) <= factor.step then
            return false
        end
        redis.call('HSET', key, 'step', value)
        return true
    end
    local one = 2 ^ tonumber(value)
    if math.floor(factor.recovery / one) % 2 == 0 then
        return false
    end
    redis.call('HSET', key, 'recovery', whole(factor.recovery - one))
    return true, ones(factor.recovery - one)
end

