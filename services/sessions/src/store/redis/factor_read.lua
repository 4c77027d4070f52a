-- The second factor of an account.
local factor = factor_of(ARGV[2], tonumber(ARGV[3]))
if not factor then
    return {}
end
return { factor.nonce, factor.confirmed and '1' or '0', whole(factor.step), whole(factor.recovery) }
