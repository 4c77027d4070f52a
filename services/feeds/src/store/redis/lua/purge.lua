-- Keys: feed, build. Arguments: cap, the nonce of the feed that is meant, authors. With another nonce nothing is taken
-- out, and the feed's own is returned, to come again with: so one that is late does not undo a merge.
redis.call('UNLINK', KEYS[2])
local feed, head = KEYS[1], head_of(KEYS[1])
if not head then
  return false
end
local nonce = string.sub(head, EPOCH + 1, EPOCH + NONCE)
if nonce ~= ARGV[2] then
  return nonce
end
local gone = {}
for at = 3, #ARGV do
  gone[ARGV[at]] = true
end
local members = {}
for _, member in ipairs(redis.call('ZRANGE', feed, 1, -1)) do
  if gone[string.sub(member, 9, 16)] then
    members[#members + 1] = member
  end
end
in_parts('ZREM', feed, members)
-- Little is left above the floor, so that most pages would come from the truth: better to build it anew.
local whole = floor_of(head) == string.rep('\0', 8)
if not whole and redis.call('ZCARD', feed) - 1 < math.floor(tonumber(ARGV[1]) / 2) then
  redis.call('UNLINK', feed)
end
return false
