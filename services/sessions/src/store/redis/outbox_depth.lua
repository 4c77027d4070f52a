-- How many events there are after a position.
return redis.call('ZCOUNT', base .. 'outbox', '(' .. ARGV[2], '+inf')
