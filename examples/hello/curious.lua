-- Asks for more than its scope permits. The vault exists, but no policy lets anybody call it.

local function main()
    return process.call("hello:vault", "app:processes")
end

return { main = main }
