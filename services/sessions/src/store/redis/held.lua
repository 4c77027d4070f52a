-- Accounts that have sessions, by rising id, after one.
return redis.call('ZRANGEBYLEX', base .. 'held', '(' .. ARGV[2], '+', 'LIMIT', 0, ARGV[3])
