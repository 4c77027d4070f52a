-- Keys: feed, build, marks. Arguments: ticket, cap, milliseconds it stays, floor, entries. Returns how many entries there
-- are now, nothing if the build failed: it is not there any more, or the marks are not those it may have asked for.
local feed, build = KEYS[1], KEYS[2]
local ticket, cap, stays, floor = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local epoch = marked(KEYS[3])
if not epoch or redis.call('HGET', build, 't') ~= epoch .. ticket then
  return false
end
local members, pushed, removed = {}, {}, {}
local noted = redis.call('HGETALL', build)
for at = 1, #noted, 2 do
  local field = noted[at]
  if #field == 8 then
    pushed[#pushed + 1] = field .. noted[at + 1]
  elseif #field == 9 then
    removed[string.sub(field, 2)] = true
  end
end
for at = 5, #ARGV do
  if not removed[string.sub(ARGV[at], 1, 8)] then
    members[#members + 1] = ARGV[at]
  end
end
redis.call('UNLINK', feed, build)
redis.call('ZADD', feed, -1, epoch .. ticket .. floor)
in_parts('ZADD', feed, scored(members, floor))
in_parts('ZADD', feed, scored(pushed, floor))
trim(feed, cap, 0)
redis.call('PEXPIRE', feed, stays)
return redis.call('ZCARD', feed) - 1
