-- Adds a signing key, unless there is one that was made after a time already.
local kid, material, after = ARGV[2], ARGV[3], tonumber(ARGV[4])
for _, known in ipairs(redis.call('HVALS', base .. 'keys')) do
    if tonumber(string.match(known, '^(%-?%d+) ')) > after then
        return 0
    end
end
publish(kid, material)
return 1
