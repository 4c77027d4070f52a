-- What a request was answered, without performing it.
return once(function()
    return nil, 'never'
end)
