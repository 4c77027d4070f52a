-- Keys: marks, then feed and build of each owner. Returns 1 for those that are warm or being built, 0 for others.
local epoch = marked(KEYS[1])
local held = {}
for at = 2, #KEYS, 2 do
  local is_held = warm(KEYS[at], epoch) or redis.call('EXISTS', KEYS[at + 1]) == 1
  held[#held + 1] = is_held and 1 or 0
end
return held
