-- Health of Countersign's kinds. What waits for people is Suspended: it is neither broken nor about
-- to change by itself. Argo CD gives scripts no string library.
local health = {status = "Progressing", message = "waiting for the Countersign operator"}
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return health
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready, stalled = conditions.Ready, conditions.Stalled
if ready == nil then
  return health
end
health.message = ready.message
if stalled ~= nil and stalled.status == "True" then
  health.status = "Degraded"
  health.message = stalled.message
elseif ready.status == "True" then
  health.status = "Healthy"
  -- What serves on hold is healthy, and nobody would look at it again.
  local governed = conditions.Governed
  if governed ~= nil and governed.status == "False" then
    health.message = "serves, but is allowed no more: " .. (governed.message or "")
  end
elseif ready.reason == "AwaitingEvidence" then
  health.status = "Suspended"
end
return health
