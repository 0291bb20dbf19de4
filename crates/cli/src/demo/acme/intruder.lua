-- Tries to start code of another tenant.
return function()
    return process.spawn("globex:ledger", "app:processes")
end
