import { createHash } from 'node:crypto'

/** The arm of a guard whose version was promoted, and that of the users who stay with what was served before. */
export const PROMOTED = 'promoted'
export const HOLDBACK = 'holdback'

export interface Arm {
  name: string
  /** Served by this version (`base` for none); null: by the one that is promoted. */
  modelVersion: string | null
  /** With the defaults of this scenario; null: with those of the request's own. */
  scenario: string | null
  share: number
}

/** An experiment as whoever assigns to it needs it. */
export interface RunningExperiment {
  id: string
  kind: 'experiment' | 'guard'
  /** Null: every request that no experiment of its own scenario takes. */
  scenario: string | null
  seed: string
  arms: Arm[]
}

export interface Visitor {
  userId?: string
  sessionId?: string
  scenario?: string
}

/** Where a request belongs. */
export interface Assignment {
  experimentId: string
  /** The answer counts where it was served by this arm's version and scenario. */
  arm: Arm
  /** Ask for this version, whatever is promoted; null: for the promoted one. */
  pinned: string | null
  /** A guard must not slow a promotion: until the old version's model is there, its users are answered by the new one. */
  waits: boolean
  /** Who was assigned, as a hash. */
  unit: string
}

const POINT_BYTES = 6
const UNIT_BYTES = 15

/**
 * The arm of a visitor, the same each time and everywhere: by a hash of his id with the experiment's seed, so that the arms
 * of one experiment say nothing of those of another. A visitor without an account goes by his session.
 * @returns null where he is nobody known
 */
export function assign(
  { id, kind: of, seed, arms }: RunningExperiment,
  { userId, sessionId }: Visitor,
): Assignment | null {
  const who = userId === undefined ? sessionId : userId
  if (who === undefined) return null
  const kind = userId === undefined ? 'session' : 'user'
  const hash = createHash('sha256')
    .update(JSON.stringify([seed, kind, who]))
    .digest()
  const point = hash.readUIntBE(0, POINT_BYTES) / 2 ** (8 * POINT_BYTES)
  let until = 0
  // Shares add up to 1 but for rounding: the last arm takes what is left.
  const arm = arms.find(({ share }) => point < (until += share)) ?? arms[arms.length - 1]
  const isGuard = of === 'guard'
  return {
    experimentId: id,
    arm,
    // Of a guard whose version is not the promoted one any more, nothing needs to be kept in memory.
    pinned: isGuard && arm.name === PROMOTED ? null : arm.modelVersion,
    waits: !isGuard,
    unit: hash.subarray(-UNIT_BYTES).toString('base64url'),
  }
}

/** Which experiment takes a request: that of its scenario, else the one of all scenarios, else the guard of a promotion. */
export function experimentFor(
  running: RunningExperiment[],
  scenario: string | undefined,
): RunningExperiment | undefined {
  const experiments = running.filter(({ kind }) => kind === 'experiment')
  return (
    experiments.find((experiment) => experiment.scenario !== null && experiment.scenario === scenario) ??
    experiments.find((experiment) => experiment.scenario === null) ??
    running.find(({ kind }) => kind === 'guard')
  )
}
