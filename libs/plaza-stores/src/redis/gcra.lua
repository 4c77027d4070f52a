-- The generic cell rate algorithm. Of each caller one time is kept, at which all that was spent is earned again. A charge
-- moves it on by what it costs, and passes if it is then no further ahead than what may be spent at once. All times are in
-- microseconds. Answers 1 and how far ahead the caller is now, or 0 and how long to wait.
local cost, at_once, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
    -- All processes have the server's clock in common.
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end
local earned = tonumber(redis.call('GET', KEYS[1]) or '0')
local ahead = math.max(earned - now, 0) + cost
if ahead > at_once then
    return { 0, ahead - at_once }
end
redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
return { 1, ahead }
