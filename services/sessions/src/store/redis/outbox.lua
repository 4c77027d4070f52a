-- Tells an event, in the write that it tells of. Its position is the time, or one more than the last: so positions rise
-- also on a server that has lost its newest events, or all. `floor` is the highest that the caller knows of.
local function tell(event, floor)
    local last = math.max(tonumber(redis.call('GET', base .. 'told') or '0'), tonumber(floor))
    local position = whole(math.max(last + 1, now))
    redis.call('SET', base .. 'told', position)
    redis.call('ZADD', base .. 'outbox', position, event)
end

