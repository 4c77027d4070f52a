-- Keys: feed, marks. Arguments: limit, milliseconds it stays, the id that the page is below, or nothing.
-- Returns the version of the marks, the floor, and the entries with those that have the cursor's own millisecond.
local epoch, version = marked(KEYS[2])
local head = warm(KEYS[1], epoch)
if not head then
  return false
end
local limit, stays, before = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local top = '+inf'
if before ~= '' then
  top = score(before)
  limit = limit + redis.call('ZCOUNT', KEYS[1], top, top)
end
-- Renewed now and then, so that most reads write nothing.
if redis.call('PTTL', KEYS[1]) < stays - stays / 30 then
  redis.call('PEXPIRE', KEYS[1], stays)
end
return {version, floor_of(head), redis.call('ZRANGE', KEYS[1], top, 0, 'BYSCORE', 'REV', 'LIMIT', 0, limit)}
