-- Only done() is defined: wrk then runs at full speed and the figures are
-- handed over exactly, one name and number a line.
function done(summary, latency, requests)
    local e = summary.errors
    local out = {
        requests = summary.requests,
        duration_us = summary.duration,
        bytes = summary.bytes,
        connect_errors = e.connect,
        read_errors = e.read,
        write_errors = e.write,
        status_errors = e.status,
        timeouts = e.timeout,
        p50_us = latency:percentile(50),
        p90_us = latency:percentile(90),
        p99_us = latency:percentile(99),
        max_us = latency.max,
    }
    for name, value in pairs(out) do
        io.write(string.format("BENCH %s %.0f\n", name, value))
    end
end
