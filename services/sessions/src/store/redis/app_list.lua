-- The app passwords of an account, each behind its id.
return redis.call('HGETALL', base .. 'p:' .. ARGV[2])
