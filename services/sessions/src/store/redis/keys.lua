-- The signing keys, after adding those of `ARGV[4]` and on that the server has lost; the first two are the key to begin
-- with if there is none.
for at = 4, #ARGV, 2 do
    publish(ARGV[at], ARGV[at + 1])
end
if redis.call('EXISTS', base .. 'keys') == 0 then
    publish(ARGV[2], ARGV[3])
end
return redis.call('HGETALL', base .. 'keys')
