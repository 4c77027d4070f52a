-- Tells what came of a guess that was counted at `at`: of the one guessed at, its account, and where from.
local window, outcome, at = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local who, account, from = ARGV[5], ARGV[6], ARGV[7]
local free, event, floor = tonumber(ARGV[8]), ARGV[9], ARGV[10]

-- As `Tally::without`.
local function take_back(subject)
    if subject == '' then
        return
    end
    local key = counted_as(subject, window)
    local tally = tally_of(key, window)
    if tally.count > 0 then
        local last = tally.last == at and tally.before or tally.last
        count(key, { count = tally.count - 1, last = last, before = tally.before, told = tally.told }, window)
    end
end

if outcome == 'right' then
    redis.call('DEL', base .. 'g:' .. who, base .. 'g:' .. account)
    take_back(from)
elseif outcome == 'unseen' then
    take_back(who)
    take_back(from)
elseif outcome == 'wrong' then
    if who ~= account and counted_as(who, window) == who then
        local one, other = tally_of(who, window), tally_of(account, window)
        count(account, { count = one.count + other.count, last = math.max(one.last, other.last),
            before = math.min(one.last, other.last), told = one.told or other.told }, window)
    end
    if who ~= account then
        local key = base .. 'g:' .. who
        redis.call('DEL', key)
        redis.call('HSET', key, 'as', account, 'last', whole(now))
        redis.call('PEXPIRE', key, window)
    end
    local tally = tally_of(account, window)
    if tally.count >= free and not tally.told then
        tally.told = true
        count(account, tally, window)
        tell(event, floor)
    end
end
return 0
