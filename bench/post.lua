-- What the snippet sends: page views of about 600 bytes, BATCH of them a body.
local bodies, place = {}, 0
local batch, key = tonumber(os.getenv("BATCH") or "1"), os.getenv("WRITE_KEY") or ""

local function hex(length)
  local digits = {}
  for at = 1, length do digits[at] = string.format("%x", math.random(0, 15)) end
  return table.concat(digits)
end

local function page_view(now)
  local product = math.random(1, 400)
  return string.format('{"type":"page","messageId":"0199%s","anonymousId":"%s","timestamp":"%s","context":{"locale":"en-GB",' ..
    '"timezone":"Europe/London"},"properties":{"url":"https://shop.example.com/products/series-%d?utm_source=newsletter' ..
    '&utm_campaign=spring","path":"/products/series-%d","referrer":"https://search.example/?q=pumps","title":"Series %d ' ..
    'pumps - Example Engineering","view_id":"%s"}}', hex(28), hex(32), now, product, product, product, hex(16))
end

function init()
  math.randomseed(7)
  local now = os.date("!%Y-%m-%dT%H:%M:%S.000Z")
  local headers = { ["Content-Type"] = "text/plain;charset=UTF-8", ["Origin"] = "https://shop.example.com",
    ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    ["Accept"] = "*/*", ["Accept-Language"] = "en-GB,en;q=0.9", ["Accept-Encoding"] = "gzip, deflate, br",
    ["Referer"] = "https://shop.example.com/" }
  for at = 1, 256 do
    local events = {}
    for each = 1, batch do events[each] = page_view(now) end
    local body = string.format('{"writeKey":"%s","sentAt":"%s","batch":[%s]}', key, now, table.concat(events, ","))
    bodies[at] = wrk.format("POST", "/v1/batch", headers, body)
  end
end

function request()
  place = place + 1
  return bodies[place % 256 + 1]
end

-- With RATE, so many requests a second, from all connections together, at times that chance chooses. Milliseconds are the
-- finest that wrk knows, and a connection waits for its answer: with pauses too short for that, fewer come.
if os.getenv("RATE") then
  local pause = 1000 * tonumber(os.getenv("CONNECTIONS")) / tonumber(os.getenv("RATE"))
  function delay()
    return math.floor(-pause * math.log(1 - math.random()) + math.random())
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
