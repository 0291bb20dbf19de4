-- One job: squares a number. Anything else is the caller's mistake, and an error that says so.

local function main(input: any)
    if type(input) ~= "number" then
        return nil, errors.new({ kind = errors.INVALID, message = `a {type(input)} has no square` })
    end
    return input * input
end

return { main = main }
