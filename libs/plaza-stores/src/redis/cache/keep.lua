-- Stores copies, each with its lifetime in milliseconds, where the lease is still held: a lease ends when the copy is
-- forgotten, so what was read before that is not stored after it.
local kept = 0
for at = 2, #ARGV, 3 do
    local name, lifetime, value = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    if redis.call('GET', lease(name)) == mine then
        redis.call('SET', copy(name), value, 'PX', lifetime)
        redis.call('DEL', lease(name))
        kept = kept + 1
    end
end
return kept
