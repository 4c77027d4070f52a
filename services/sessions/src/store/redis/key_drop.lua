-- Forgets signing keys.
for at = 2, #ARGV do
    redis.call('HDEL', base .. 'keys', ARGV[at])
end
return 0
