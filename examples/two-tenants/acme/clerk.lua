-- Acme's own: adds two numbers.

local function main(left: number, right: number)
    return left + right
end

return { main = main }
