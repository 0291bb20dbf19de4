-- Never runs: the denial comes before the process, its virtual machine and its pid exist.

local function main()
    return "the combination"
end

return { main = main }
