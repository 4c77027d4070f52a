-- What every script of a cache starts with. `KEYS[1]` is what all its keys begin with, `ARGV[1]` a name that nobody else
-- has. The server may forget any key when it is full.
--
--   epoch              the name of what is held now: by another name all of it is forgotten at once
--   <epoch>:v:<name>   a copy
--   <epoch>:l:<name>   a lease: who may store that copy
local base, mine = KEYS[1], ARGV[1]
local epoch = redis.call('GET', base .. 'epoch')
if not epoch then
    epoch = mine
    redis.call('SET', base .. 'epoch', epoch)
end

local function copy(name)
    return base .. epoch .. ':v:' .. name
end

local function lease(name)
    return base .. epoch .. ':l:' .. name
end

