-- Keys: marks. Arguments: the version that is known. Returns the version there is, and if it is another one the authors;
-- nothing if there are no marks.
local _, version = marked(KEYS[1])
if not version or version == ARGV[1] then
  return {version or ''}
end
return {version, redis.call('HKEYS', KEYS[1])}
