-- Keys: marks, feeds. Returns for each feed its floor and its entries, nothing for a cold one.
local epoch = marked(KEYS[1])
local windows = {}
for at = 2, #KEYS do
  local head = warm(KEYS[at], epoch)
  windows[at - 1] = head and {floor_of(head), redis.call('ZRANGE', KEYS[at], 1, -1)} or {}
end
return windows
