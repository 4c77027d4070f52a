-- Keys: feed and build of each owner. Arguments: cap, the most that a build notes, entries.
local cap, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local members, fields, lowest = {}, {}, ARGV[3]
for at = 3, #ARGV do
  local member = ARGV[at]
  members[#members + 1] = member
  fields[#fields + 1] = string.sub(member, 1, 8)
  fields[#fields + 1] = string.sub(member, 9)
  if below(member, lowest) then
    lowest = member
  end
end
-- A full feed is trimmed once in so many pushes: trimming costs as much as the push itself.
local slack = math.floor(cap / 25)
local all = scored(members, lowest)

for at = 1, #KEYS, 2 do
  local feed, build = KEYS[at], KEYS[at + 1]
  -- Most feeds are cold, and this is all that one costs.
  local there = redis.call('EXISTS', feed, build)
  if there > 0 then
    local head = head_of(feed)
    if head then
      local floor = floor_of(head)
      in_parts('ZADD', feed, below(lowest, floor) and scored(members, floor) or all)
      trim(feed, cap, slack)
    end
    if there == 2 or not head then
      note(build, most, fields)
    end
  end
end
