-- Forgets copies, and ends the leases of those who have read what is forgotten; all of them if no name is given.
if #ARGV == 1 then
    redis.call('SET', base .. 'epoch', mine)
    return 0
end
for at = 2, #ARGV do
    redis.call('DEL', copy(ARGV[at]), lease(ARGV[at]))
end
return 0
