-- Keys: feed and build of each owner. Arguments: the most that a build notes, ids of posts.
local most = tonumber(ARGV[1])
local ids, fields = {}, {}
for at = 2, #ARGV do
  ids[#ids + 1] = ARGV[at]
  fields[#fields + 1] = '-' .. ARGV[at]
  fields[#fields + 1] = ''
end

for at = 1, #KEYS, 2 do
  local feed, build = KEYS[at], KEYS[at + 1]
  local there = redis.call('EXISTS', feed, build)
  if there > 0 then
    local is_feed = there == 2 or redis.call('EXISTS', feed) == 1
    if is_feed then
      for _, id in ipairs(ids) do
        in_parts('ZREM', feed, entries_of(feed, id))
      end
    end
    if there == 2 or not is_feed then
      in_parts('HDEL', build, ids)
      note(build, most, fields)
    end
  end
end
