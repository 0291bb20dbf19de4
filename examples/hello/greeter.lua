-- Greets whoever is named. What a main function returns is what `moonward call` prints, as JSON.

local function main(name: string?)
    local whom = name or "world"
    if type(whom) ~= "string" then
        -- A second value that is an error makes it an error exit; the caller sees its kind.
        return nil, errors.new({ kind = errors.INVALID, message = `a name is text, got a {type(whom)}` })
    end
    return `Hello, {whom}!`
end

return { main = main }
