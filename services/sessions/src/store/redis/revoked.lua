-- Sessions that ended after a cursor, and later than `since`, in the order they ended; before them the next cursor.
local after, since, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local last = redis.call('GET', base .. 'sequence') or '0'
if after > tonumber(last) then
    after = 0
end
-- A cursor is never below its time.
local cursor = whole(math.max(after, since))
local found = {}
while #found < limit do
    local page = redis.call('ZRANGEBYSCORE', base .. 'revoked', '(' .. cursor, '+inf', 'WITHSCORES', 'LIMIT', 0,
        limit - #found)
    if #page == 0 then
        break
    end
    for at = 1, #page, 2 do
        local session, ended = string.match(page[at], '^(%d+):(%d+)$')
        if tonumber(ended) > since then
            table.insert(found, session)
        end
    end
    cursor = whole(tonumber(page[#page]))
end
if #found == 0 then
    cursor = last
end
table.insert(found, 1, cursor)
return found
