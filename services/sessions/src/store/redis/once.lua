-- A mutation is performed once for each request. `ARGV[2]` is how long answers are remembered, `ARGV[3]` who called, or
-- nothing for a call without identity; `ARGV[4]` to `ARGV[6]` are request id, method, and digest.
local remembered, caller, request, method, digest = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local NOBODY = string.rep('0', 19)

-- Answers `done` with the outcome remembered for this request, or with that of `perform`; `other` if the id stands for
-- another request; or why `perform` refused, which is not remembered.
local function once(perform)
    local key = base .. 'r:' .. caller .. ':' .. request
    if caller ~= '' then
        local seen = redis.call('HMGET', key, 'method', 'digest', 'outcome', 'at')
        if seen[1] and tonumber(seen[4]) > now - remembered then
            if seen[1] ~= method or seen[2] ~= digest then
                return { 'other' }
            end
            return { 'done', seen[3] }
        end
    end
    local outcome, refused = perform()
    if refused then
        return { refused }
    end
    if caller ~= '' then
        redis.call('HSET', key, 'method', method, 'digest', digest, 'outcome', outcome, 'at', whole(now))
        redis.call('PEXPIRE', key, remembered)
    end
    if caller ~= '' and caller ~= NOBODY then
        local index = base .. 'c:' .. caller
        redis.call('ZADD', index, now, request)
        redis.call('ZREMRANGEBYSCORE', index, '-inf', now - remembered)
        redis.call('PEXPIRE', index, remembered)
    end
    return { 'done', outcome }
end

