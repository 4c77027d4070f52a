-- Events after a position, each behind its position.
local found = redis.call('ZRANGEBYSCORE', base .. 'outbox', '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local told = {}
for at = 1, #found, 2 do
    table.insert(told, whole(tonumber(found[at + 1])))
    table.insert(told, found[at])
end
return told
