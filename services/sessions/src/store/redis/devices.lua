-- When the devices were seen last that an account knows, the last one first; not those of before a time.
local seen = redis.call('ZREVRANGEBYSCORE', base .. 'd:' .. ARGV[2], '+inf', '(' .. ARGV[3], 'WITHSCORES')
local times = {}
for at = 2, #seen, 2 do
    table.insert(times, whole(tonumber(seen[at])))
end
return times
