-- The printer takes slips until the call that started its clerk is over.

local function main()
    local slips = process.inbox()
    while true do
        local slip, open = slips:receive()
        if not open then
            return
        end
        print(slip:topic())
    end
end

return { main = main }
