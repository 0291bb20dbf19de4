-- Globex's own: what acme would like to see.

local function main()
    return { balance = 1200 }
end

return { main = main }
