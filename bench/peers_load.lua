-- Page views in the form in which each system's own tracker sends them: PEER says which. VISITORS different visitors.
local peer, path, site = os.getenv("PEER"), os.getenv("PEER_PATH"), os.getenv("PEER_SITE") or ""
local visitors, sent = tonumber(os.getenv("VISITORS")), 0
local started, run = os.time() * 1000, os.getenv("RUN")
local headers = { ["Content-Type"] = "application/json", ["Origin"] = "https://shop.example.com", ["Accept"] = "*/*",
  ["Accept-Language"] = "en-GB,en;q=0.9", ["Referer"] = "https://shop.example.com/" }
local agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"
local came_from = "https://search.example/?q=pumps"

local body_of = {}

function body_of.warmtrail(visitor, product, url)
  local at = started + math.floor(sent / 20) -- later ones are later, at up to 20,000 a second
  local now = os.date("!%Y-%m-%dT%H:%M:%S", math.floor(at / 1000)) .. string.format(".%03dZ", at % 1000)
  return string.format('{"writeKey":"%s","sentAt":"%s","batch":[{"type":"page","messageId":"%s-%d","anonymousId":"visitor-%s-%d",' ..
    '"timestamp":"%s","context":{"locale":"en-GB","timezone":"Europe/London"},"properties":{"url":"%s","path":"/products/series-%d",' ..
    '"referrer":"%s","title":"Series %d pumps - Example Engineering","view_id":"%s%d"}}]}',
    site, now, run, sent, run, visitor, now, url, product, came_from, product, run, sent)
end

function body_of.shynet(_, _, url)
  return string.format('{"idempotency":"%s-%d","referrer":"%s","location":"%s","loadTime":%d}', run, sent, came_from, url,
    math.random(100, 3000))
end

function body_of.umami(_, product, url)
  return string.format('{"type":"event","payload":{"website":"%s","screen":"1536x864","language":"en-GB","hostname":"shop.example.com",' ..
    '"title":"Series %d pumps - Example Engineering","url":"%s","referrer":"%s"}}', site, product, url, came_from)
end

function body_of.runlight(_, product, url)
  return string.format('{"k":"pageview","u":"%s","r":"%s","t":"Series %d pumps - Example Engineering","w":1536,"h":864,' ..
    '"l":"en-GB","i":"%s%d"}', url, came_from, product, run, sent)
end

function init()
  math.randomseed(tonumber(os.getenv("SEED")))
  if peer == "warmtrail" or peer == "runlight" then headers["Content-Type"] = "text/plain;charset=UTF-8" end
  headers["x-umami-cache"] = os.getenv("PEER_TOKEN")
end

function request()
  sent = sent + 1
  local visitor, product = math.random(0, visitors - 1), math.random(1, 400)
  headers["X-Forwarded-For"] = string.format("81.2.%d.%d", math.floor(visitor / 250) % 250, visitor % 250 + 1)
  headers["User-Agent"] = string.format(agent, 120 + visitor % 12)
  local url = string.format("https://shop.example.com/products/series-%d?utm_source=newsletter&utm_campaign=spring", product)
  return wrk.format("POST", path, headers, body_of[peer](visitor, product, url))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
