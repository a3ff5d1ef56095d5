import { redisScript } from '#platform/script.redis.ts';

/*
 * Every key begins with KEYS[1], which holds the hash tag: all lie in one slot, and a script may touch several carts. With ARGV[1] each
 * script is told which run of Redis its connection has reached.
 *
 *   life       which run, and since when: new after each restart, and after Redis was emptied
 *   c:<cart>   hash: v version, u user, x expiry in ms, d content as JSON; r the life in which it was last held against PostgreSQL,
 *              g when it has ended; for what writes behind: s counts its saves, w carts to be written together with it, e events in it
 *   u:<user>   the user's cart, or "-<life>" when PostgreSQL was asked in this life and has none
 *   q:<actor>  hash of the actor's requests: expiry in seconds and in base 36, fingerprint, outcome
 *   dirty      sorted set of carts that PostgreSQL has to be told, by the microsecond since which it has to
 *   writer     who writes behind just now
 */
const prelude = `
local p = KEYS[1]
local function micros()
  local time = redis.call('time')
  return time[1] * 1000000 + time[2] -- exact in a double until the year 2255
end
local function whole(number) return string.format('%.0f', number) end
local run = ARGV[1] .. ' '
local life = redis.call('get', p .. 'life')
if not life or string.sub(life, 1, #run) ~= run then
  life = run .. whole(micros())
  redis.call('set', p .. 'life', life)
end
local function note(id) -- what PostgreSQL has to be told, since the first time that it wasn't
  redis.call('hincrby', p .. 'c:' .. id, 's', 1)
  redis.call('zadd', p .. 'dirty', 'nx', whole(micros()), id)
end
local function together(one, other)
  for _, pair in ipairs({ { one, other }, { other, one } }) do
    local key = p .. 'c:' .. pair[1]
    local with = redis.call('hget', key, 'w')
    redis.call('hset', key, 'w', with and (with .. ' ' .. pair[2]) or pair[2])
  end
end
local function finish(id, now) -- no older version comes back before the day is over, not even from PostgreSQL
  local key = p .. 'c:' .. id
  local has = redis.call('hmget', key, 'v', 'x')
  local day = 86400000
  local expiry = math.max(tonumber(has[2] or 0), now + day)
  redis.call('hdel', key, 'u', 'd')
  local version = whole(math.max(micros(), tonumber(has[1] or 0) + 1))
  redis.call('hset', key, 'g', 1, 'v', version, 'x', whole(expiry), 'r', life)
  redis.call('pexpire', key, whole(expiry - now + day))
  note(id)
end
local function found(id)
  local has = redis.call('hmget', p .. 'c:' .. id, 'v', 'u', 'x', 'd', 'r', 'g')
  if not has[1] or has[5] ~= life then return { life, 'unknown', id } end
  if has[6] then return { life, 'none' } end
  return { life, 'known', id, has[1], has[2], has[3], has[4] }
end
`;

/** ARGV: run, "c" or "u", the cart's or the user's id. Answers life, "known", id, v, u, x, d; life, "none"; life, "unknown", id if any. */
export const finding = redisScript(`${prelude}
if ARGV[2] == 'c' then return found(ARGV[3]) end
local id = redis.call('get', p .. 'u:' .. ARGV[3])
if not id then return { life, 'unknown' } end
if id == '-' .. life then return { life, 'none' } end
if string.sub(id, 1, 1) == '-' then return { life, 'unknown' } end
return found(id)`);

/**
 * Brings what PostgreSQL has. ARGV: run, the life in which it was missed, the user who was looked up or "", cart or "" for none, time to live, and of
 * PostgreSQL's row, unless there is none, v, u, x, d, g. The newer one stands, and goes on from the time as its version: whatever version it had in a
 * life that was lost, the next is larger. Answers as `finding`, or life, "again" when Redis is another by now.
 */
export const restoring = redisScript(`${prelude}
local user, id, ttl, row = ARGV[3], ARGV[4], ARGV[5], ARGV[6] ~= nil
if life ~= ARGV[2] then return { life, 'again' } end
if id == '' then
  local of = redis.call('get', p .. 'u:' .. user)
  if of and string.sub(of, 1, 1) ~= '-' and redis.call('exists', p .. 'c:' .. of) == 1 then return { life, 'again' } end
  redis.call('set', p .. 'u:' .. user, '-' .. life, 'px', ttl)
  return { life, 'none' }
end
local key = p .. 'c:' .. id
local has = redis.call('hmget', key, 'v', 'x', 'r', 'g')
if has[1] and has[3] == life then return found(id) end
local v, x = tonumber(has[1] or 0), tonumber(has[2] or 0)
if has[1] and (not row or v > tonumber(ARGV[6]) or (v == tonumber(ARGV[6]) and x >= tonumber(ARGV[8]))) then
  redis.call('hset', key, 'v', has[4] and has[1] or whole(math.max(micros(), v + 1)), 'r', life)
  return found(id)
end
if not row then
  if user ~= '' then redis.call('set', p .. 'u:' .. user, '-' .. life, 'px', ttl) end
  return { life, 'none' }
end
redis.call('del', key)
local version = whole(math.max(micros(), tonumber(ARGV[6]) + 1))
redis.call('hset', key, 'v', version, 'u', ARGV[7], 'x', ARGV[8], 'd', ARGV[9], 'r', life, 's', 1)
redis.call('pexpire', key, ttl)
if ARGV[10] == '1' then
  redis.call('hset', key, 'g', 1)
elseif ARGV[7] ~= '' then
  local pointer = p .. 'u:' .. ARGV[7]
  local of = redis.call('get', pointer)
  if user ~= '' or not of or string.sub(of, 1, 1) == '-' then redis.call('set', pointer, id, 'px', ttl) end
end
return found(id)`);

/**
 * One change, all of it or nothing. ARGV: run, now, cart, user, the version that it was made from or "", v, x, d, time to live, the cart that ends or "",
 * its version, actor, request or "", what is kept of it, for how long, event or "". Answers "saved", "lost", "answered", or "unknown" when PostgreSQL has to be
 * asked first whether the user has a cart.
 */
export const saving = redisScript(`${prelude}
local now, id, user, from = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local ends, actor, request, event = ARGV[10], ARGV[12], ARGV[13], ARGV[16]
local key, pointer = p .. 'c:' .. id, p .. 'u:' .. user
local function stands(cart, version)
  local has = redis.call('hmget', p .. 'c:' .. cart, 'v', 'g', 'r')
  return has[1] == version and not has[2] and has[3] == life
end
if ends ~= '' and not stands(ends, ARGV[11]) then return 'lost' end
local over
if from ~= '' then
  if not stands(id, from) then return 'lost' end
elseif redis.call('exists', key) == 1 then
  return 'lost'
elseif user ~= '' then
  local of = redis.call('get', pointer)
  if not of then return 'unknown' end
  if string.sub(of, 1, 1) == '-' then
    if of ~= '-' .. life then return 'unknown' end
  else
    local has = redis.call('hmget', p .. 'c:' .. of, 'v', 'x', 'r', 'g')
    if not has[1] or has[3] ~= life then return 'unknown' end
    if not has[4] and tonumber(has[2]) > now then return 'lost' end
    if not has[4] then over = of end
  end
end
local asked = p .. 'q:' .. actor
local function lasts(kept) return tonumber(string.match(kept, '^%w+'), 36) * 1000 > now end
if request ~= '' then
  local kept = redis.call('hget', asked, request)
  if kept and lasts(kept) then return 'answered' end
end
if over then
  finish(over, now)
  together(over, id)
end
redis.call('hset', key, 'v', ARGV[6], 'u', user, 'x', ARGV[7], 'd', ARGV[8], 'r', life)
redis.call('pexpire', key, ARGV[9])
note(id)
if user ~= '' then redis.call('set', pointer, id, 'px', ARGV[9]) end
if ends ~= '' then
  finish(ends, now)
  together(ends, id)
end
if request ~= '' then
  redis.call('hset', asked, request, ARGV[14])
  redis.call('pexpire', asked, ARGV[15])
  if redis.call('hlen', asked) % 64 == 0 then
    local all = redis.call('hgetall', asked)
    for place = 1, #all, 2 do
      if not lasts(all[place + 1]) then redis.call('hdel', asked, all[place]) end
    end
  end
end
if event ~= '' then
  local events = redis.call('hget', key, 'e')
  redis.call('hset', key, 'e', events and (events .. ' ' .. event) or event)
end
return 'saved'`);

/** Ends all of a user. ARGV: run, now, user, then the carts that PostgreSQL knows of. Answers the carts that ended. */
export const erasing = redisScript(`${prelude}
local now, pointer = tonumber(ARGV[2]), p .. 'u:' .. ARGV[3]
local ended = { unpack(ARGV, 4) }
local of = redis.call('get', pointer)
if of and string.sub(of, 1, 1) ~= '-' then ended[#ended + 1] = of end
for _, id in ipairs(ended) do
  finish(id, now)
  redis.call('del', p .. 'q:' .. id)
end
redis.call('del', p .. 'q:' .. ARGV[3])
redis.call('set', pointer, '-' .. life, 'px', 3600000)
return ended`);

/**
 * Takes what was dirty first, with what goes together with it. ARGV: run, who, for how long, how many. Answers life and the carts, each id, s, v, u, x, d, g, e; or
 * "busy" while another writes.
 */
export const taking = redisScript(`${prelude}
local writer = redis.call('get', p .. 'writer')
if writer and writer ~= ARGV[2] then return 'busy' end
redis.call('set', p .. 'writer', ARGV[2], 'px', ARGV[3])
local ids = redis.call('zrange', p .. 'dirty', 0, ARGV[4] - 1)
local seen, carts = {}, {}
for _, id in ipairs(ids) do seen[id] = true end
local place = 1
while ids[place] do -- grows while it is read
  local id = ids[place]
  local has = redis.call('hmget', p .. 'c:' .. id, 's', 'v', 'u', 'x', 'd', 'g', 'e', 'w')
  if has[1] then
    for other in string.gmatch(has[8] or '', '%S+') do
      if not seen[other] then
        seen[other] = true
        ids[#ids + 1] = other
      end
    end
    carts[#carts + 1] = { id, has[1], has[2], has[3] or '', has[4], has[5] or '', has[6] or '', has[7] or '' }
  else
    redis.call('zrem', p .. 'dirty', id)
  end
  place = place + 1
end
return { life, carts }`);

/** PostgreSQL has what was taken: exactly that is clean now, and what was saved since is not. ARGV: run, who, life, then id and s of each. */
export const cleaning = redisScript(`${prelude}
if redis.call('get', p .. 'writer') == ARGV[2] then redis.call('del', p .. 'writer') end
if life ~= ARGV[3] then return 0 end
local cleaned = 0
for place = 4, #ARGV, 2 do
  local id = ARGV[place]
  local key = p .. 'c:' .. id
  local has = redis.call('hmget', key, 's', 'g')
  if has[1] == ARGV[place + 1] then
    redis.call('zrem', p .. 'dirty', id)
    redis.call('hdel', key, 'w', 'e')
    if has[2] then redis.call('pexpire', key, 3600000) end
    cleaned = cleaned + 1
  else
    redis.call('zadd', p .. 'dirty', 'xx', whole(micros()), id)
  end
end
return cleaned`);
