-- Counts a guess for each of a few subjects, unless one of them has to wait; answers for how long.
local window, first, longest = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

-- How long a tally has to wait: as `Tally::wait_ms`.
local function wait(tally, free)
    local over = tally.count - free
    if over < 0 then
        return 0
    end
    return math.max(0, tally.last + math.min(first * 2 ^ math.min(over, 20), longest) - now)
end

local counted, longest_wait = {}, 0
for at = 5, #ARGV, 2 do
    local key = counted_as(ARGV[at], window)
    local tally = tally_of(key, window)
    longest_wait = math.max(longest_wait, wait(tally, tonumber(ARGV[at + 1])))
    table.insert(counted, { key = key, tally = tally })
end
if longest_wait == 0 then
    for _, one in ipairs(counted) do
        count(one.key, { count = one.tally.count + 1, last = now, before = one.tally.last,
            told = one.tally.told }, window)
    end
end
return longest_wait
