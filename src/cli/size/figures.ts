/** One measured or assumed figure, with where it comes from. */
export interface Figure {
  value: number
  unit: string
  source: string
}

const SIZING = 'docs/sizing.md, 2026-11-21 and 22, two shared cores'
const BENCH = 'bench/README.md, 2026-11-21, two shared cores'

/** What one thing costs, as measured. Memory and disk are in bytes, times in seconds. */
export const MEASURED = {
  eventBytes: { value: 354, unit: 'bytes', source: `an event in PostgreSQL with its indexes: ${SIZING}` },
  itemBytes: { value: 2100, unit: 'bytes', source: `an item in PostgreSQL, its vector of 384 with it: ${SIZING}` },
  versionBytesPerItem: { value: 260, unit: 'bytes', source: `a version with a network, an item: ${SIZING}` },
  kafkaEventBytes: { value: 250, unit: 'bytes', source: `an event in Kafka: ${SIZING}` },
  rowsPerSecond: {
    value: 51_193,
    unit: 'events a second',
    source: `HTTP to committed rows, client and database on the same cores: ${BENCH}`,
  },
  consumedPerSecond: {
    value: 23_393,
    unit: 'events a second',
    source: `Kafka to committed rows, produced and consumed at once: ${BENCH}`,
  },
  answerSeconds: {
    value: 0.0027,
    unit: 'seconds of a core',
    source: `an answer of a shop of 3,805 items with a network: ${SIZING}`,
  },
  answerSecondsPerItem: {
    value: 0.15e-6,
    unit: 'seconds of a core',
    source: `each further item of a large catalogue: ${SIZING}`,
  },
  runsBesideEachOther: {
    value: 0.8,
    unit: 'share',
    source: `of its speed alone that a run keeps beside another one: 1.60 times as much by two, ${BENCH}`,
  },
  modelBytesPerItem: { value: 2000, unit: 'bytes', source: `a live model, an item: ${SIZING}` },
  modelBytesPerEvent: { value: 90, unit: 'bytes', source: `a live model, a counted event: ${SIZING}` },
  modelBytes: {
    value: 2e6,
    unit: 'bytes',
    source: `a live model besides: what of 6, 31 and 131 MB is neither items nor events: ${SIZING}`,
  },
  processBytes: { value: 300e6, unit: 'bytes', source: `a process that serves, without its models: ${SIZING}` },
} satisfies Record<string, Figure>

/** What nobody measured, and why it is taken so. Each can be argued with: it is printed with the answer. */
export const ASSUMED = {
  busy: { value: 0.7, unit: 'share', source: 'of a core or a trainer that may be in use: past it waiting grows fast' },
  spareIngest: { value: 2, unit: 'times', source: 'twice the consumers that the peak takes, to catch up after a stop' },
  diskRoom: { value: 2, unit: 'times', source: 'as much again for free space, vacuum and the newest backup' },
  kafkaDays: { value: 7, unit: 'days', source: 'what can be replayed, on three brokers each' },
  versionsKept: { value: 30, unit: 'versions', source: 'of a tenant, one a day: none is deleted by itself' },
  oneDatabaseBytes: {
    value: 16e12,
    unit: 'bytes',
    source: 'the disk of one PostgreSQL that is still backed up in a night',
  },
  connections: { value: 500, unit: 'connections', source: 'of one PostgreSQL without PgBouncer before it' },
  searchedItems: { value: 50_000, unit: 'items', source: 'of one tenant, as search is exact: README, Limits' },
  mostModelBytes: { value: 64e9, unit: 'bytes', source: 'of models in one process: a machine that is easily had' },
} satisfies Record<string, Figure>
