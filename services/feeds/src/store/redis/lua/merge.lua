-- Keys: feed, build. Arguments: nonce, cap, floor, entries. A purge that began before this does nothing after it: it
-- finds another nonce.
redis.call('UNLINK', KEYS[2])
local feed, old = KEYS[1], head_of(KEYS[1])
if not old then
  return
end
local nonce, cap, floor = ARGV[1], tonumber(ARGV[2]), ARGV[3]
if below(floor, floor_of(old)) then
  floor = floor_of(old)
end
redis.call('ZADD', feed, -1, string.sub(old, 1, EPOCH) .. nonce .. floor)
redis.call('ZREM', feed, old)

local at = score(floor)
redis.call('ZREMRANGEBYSCORE', feed, 0, '(' .. string.format('%.0f', at))
local lower = {}
for _, member in ipairs(redis.call('ZRANGE', feed, at, at, 'BYSCORE')) do
  if below(member, floor) then
    lower[#lower + 1] = member
  end
end
in_parts('ZREM', feed, lower)

local members = {}
for n = 4, #ARGV do
  members[#members + 1] = ARGV[n]
end
in_parts('ZADD', feed, scored(members, floor))
trim(feed, cap, 0)
