-- Stands before every script, behind a line that sets RUN, which names this run of the server.
--
-- A feed is one sorted set. Its lowest member, with score -1, is its head: epoch (32 bytes), nonce (8), floor (8). All
-- others are entries: post id and author, or repost id, who reposted and post id; 8 bytes each, big-endian, so that equal
-- scores sort by the first id, their place; the score is the milliseconds that it carries. A feed whose head does not
-- carry the epoch of the marks is cold.
--
-- A build is one hash: 't' has epoch and ticket, a place has the rest of an entry pushed since, '-' and a place
-- stands for one removed since.
--
-- The marks are one hash: 'v' has the epoch and how many are marked, every other field is a marked author. An epoch is
-- RUN (16 bytes) and 16 bytes that were never used before: one of another run of the server, or of marks that were
-- evicted, never comes back.
local EPOCH_MS = 1735689600000
local EPOCH, NONCE = 32, 8

-- The id at the start of a member, in two numbers that are exact.
local function halves(member)
  return struct.unpack('>I4I4', member)
end

local function score(member)
  local high, low = halves(member)
  return EPOCH_MS + high * 1024 + math.floor(low / 4194304)
end

-- By number: the language's own order of strings depends on the server's locale.
local function below(a, b)
  local a_high, a_low = halves(a)
  local b_high, b_low = halves(b)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

local function successor(member)
  local high, low = halves(member)
  if low == 4294967295 then
    return struct.pack('>I4I4', high + 1, 0)
  end
  return struct.pack('>I4I4', high, low + 1)
end

local function head_of(feed)
  return redis.call('ZRANGE', feed, 0, 0)[1]
end

local function floor_of(head)
  return string.sub(head, EPOCH + NONCE + 1)
end

-- The epoch and the version of the marks, nil if there are none or if they are of another run.
local function marked(marks)
  local version = redis.call('HGET', marks, 'v')
  if version and string.sub(version, 1, #RUN) == RUN then
    return string.sub(version, 1, EPOCH), version
  end
end

-- The same; makes marks without an author if there are none.
local function ensure_marks(marks, fresh)
  local epoch, version = marked(marks)
  if not epoch then
    epoch = RUN .. fresh
    version = epoch .. '0'
    redis.call('UNLINK', marks)
    redis.call('HSET', marks, 'v', version)
  end
  return epoch, version
end

-- The head of a warm feed, nil for a cold one.
local function warm(feed, epoch)
  local head = head_of(feed)
  if head and epoch and string.sub(head, 1, EPOCH) == epoch then
    return head
  end
end

-- Runs a command with any number of arguments, some hundreds at a time: the language's stack is bounded. They go in
-- whole groups of two.
local function in_parts(command, key, arguments)
  for from = 1, #arguments, 1000 do
    redis.call(command, key, unpack(arguments, from, math.min(from + 999, #arguments)))
  end
end

-- Scores and members, as ZADD wants them, of those members that are not below the floor.
local function scored(members, floor)
  local arguments = {}
  for _, member in ipairs(members) do
    if not below(member, floor) then
      arguments[#arguments + 1] = score(member)
      arguments[#arguments + 1] = member
    end
  end
  return arguments
end

-- Takes the lowest out until the cap is kept, and raises the floor above them; not before there are more than slack too
-- many.
local function trim(feed, cap, slack)
  local excess = redis.call('ZCARD', feed) - 1 - cap
  if excess > slack then
    local dropped = redis.call('ZPOPMIN', feed, excess + 1)
    local head = string.sub(dropped[1], 1, EPOCH + NONCE)
    redis.call('ZADD', feed, -1, head .. successor(dropped[#dropped - 1]))
  end
end

-- The entries at a place: one, if any.
local function entries_of(feed, id)
  local at = score(id)
  local found = {}
  for _, member in ipairs(redis.call('ZRANGE', feed, at, at, 'BYSCORE')) do
    if string.sub(member, 1, 8) == id then
      found[#found + 1] = member
    end
  end
  return found
end

-- Notes what happened while a build reads the truth; one with more to note than is worth it fails.
local function note(build, most, fields)
  in_parts('HSET', build, fields)
  if redis.call('HLEN', build) > most then
    redis.call('UNLINK', build)
  end
end
