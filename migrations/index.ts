import { ServiceRole1763700000001 } from './1763700000001-service-role.js'
import { Tenants1763700000002 } from './1763700000002-tenants.js'
import { Items1763700000003 } from './1763700000003-items.js'
import { Events1763700000004 } from './1763700000004-events.js'
import { Registry1763700000005 } from './1763700000005-registry.js'
import { TrainingRuns1763700000006 } from './1763700000006-training-runs.js'
import { Serving1763700000007 } from './1763700000007-serving.js'
import { RunEstimates1763700000008 } from './1763700000008-run-estimates.js'
import { SessionIndex1763700000009 } from './1763700000009-session-index.js'
import { DrawnArrival1763700000010 } from './1763700000010-drawn-arrival.js'
import { Online1763700000020 } from './1763700000020-online.js'
import { EventCounts1763700000030 } from './1763700000030-event-counts.js'
import { Overview1763700000031 } from './1763700000031-overview.js'
import { LiveItems1763700000032 } from './1763700000032-live-items.js'
import { ConsoleSessions1763700000033 } from './1763700000033-console-sessions.js'
import { DeadLetters1763700000034 } from './1763700000034-dead-letters.js'
import { Sketches1763700000040 } from './1763700000040-sketches.js'
import { RollbackReasons1763700000050 } from './1763700000050-rollback-reasons.js'
import { Experiments1763700000051 } from './1763700000051-experiments.js'
import { LettersFirstFailed1763700000060 } from './1763700000060-letters-first-failed.js'
import { LettersPutAway1763700000061 } from './1763700000061-letters-put-away.js'
import { QuotaLevels1763700000080 } from './1763700000080-quota-levels.js'

/** In the order in which they run. A migration is never edited after it lands. */
export const MIGRATIONS = [
  ServiceRole1763700000001,
  Tenants1763700000002,
  Items1763700000003,
  Events1763700000004,
  Registry1763700000005,
  TrainingRuns1763700000006,
  Serving1763700000007,
  RunEstimates1763700000008,
  SessionIndex1763700000009,
  DrawnArrival1763700000010,
  Online1763700000020,
  EventCounts1763700000030,
  Overview1763700000031,
  LiveItems1763700000032,
  ConsoleSessions1763700000033,
  DeadLetters1763700000034,
  Sketches1763700000040,
  RollbackReasons1763700000050,
  Experiments1763700000051,
  LettersFirstFailed1763700000060,
  LettersPutAway1763700000061,
  QuotaLevels1763700000080,
]
