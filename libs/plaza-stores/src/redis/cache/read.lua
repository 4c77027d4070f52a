-- For each name of `ARGV[3]` and on its copy; or 1 with a lease of `ARGV[2]` milliseconds to store one, unless that is 0;
-- or 0, since another is at it.
local lifetime, copies, answers = tonumber(ARGV[2]), {}, {}
for at = 3, #ARGV do
    table.insert(copies, copy(ARGV[at]))
end
local found = redis.call('MGET', unpack(copies))
for at = 1, #copies do
    if found[at] then
        answers[at] = found[at]
    elseif lifetime > 0 and redis.call('SET', lease(ARGV[at + 2]), mine, 'NX', 'PX', lifetime) then
        answers[at] = 1
    else
        answers[at] = 0
    end
end
return answers
