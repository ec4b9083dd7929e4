import { z } from 'zod'

const Figure = z.number().nullable()
/** The start is epoch 0. Losses are of the training's own kind; NDCG is at 10, of the network by itself. */
const Curve = z.looseObject({
  epochs: z.array(
    z.looseObject({
      epoch: z.number(),
      trainLoss: Figure,
      validationLoss: Figure,
      /** Validation's loss less training's. */
      gap: Figure,
      /** On users as they were learned from; absent in versions made before it was taken. */
      trainNdcg: Figure.optional(),
      validationNdcg: Figure,
      /** Training's NDCG less validation's. */
      ndcgGap: Figure.optional(),
    }),
  ),
  bestEpoch: z.number(),
  steps: z.number(),
  tokensPerSecond: z.number(),
})

/** What the data were like that a version was trained on: what comes later is compared with it. */
export const Baseline = z.looseObject({
  /** When the data were read, by the database's clock, and the snapshot (pg_snapshot) that they were read in. */
  readAt: z.string(),
  snapshot: z.string(),
  /** Events by type in the newest `days` of the training window; `*`: further types. */
  days: z.number(),
  eventTypes: z.record(z.string(), z.number()),
  items: z.number(),
})
export type Baseline = z.infer<typeof Baseline>

/**
 * What is known of a version: where it comes from, how it was trained, how it did beside the others on one test window.
 * Written once by training; everything else only reads it. Sections may gain fields.
 */
export const VersionReport = z
  .looseObject({
    /** What computed it: cuda, native, webgpu, wasm or cpu. */
    engine: z.string(),
    /** Why each better engine was not used. */
    engineReasons: z.record(z.string(), z.string()),
    seed: z.number().int(),
    seconds: z.number(),
    /** The most memory that the training process held at any time. */
    peakMemoryBytes: z.number(),
    dataWindow: z.looseObject({
      from: z.string(),
      validationFrom: z.string(),
      testFrom: z.string(),
      to: z.string(),
    }),
    counts: z.looseObject({ events: z.number(), users: z.number(), items: z.number() }),
    /**
     * By who was judged (`candidate`, `champion`, `base`, `popular`, ...): each metric at 10 with its interval, at 5 and 20
     * under `at`, what the lists are like as a whole, calibration to the user's categories, and NDCG by slice.
     */
    metrics: z.record(z.string(), z.looseObject({})),
    gate: z.looseObject({
      decision: z.enum(['passed', 'rejected']),
      reason: z.string(),
      checks: z.array(z.looseObject({})),
    }),
    /** Each choice with its reason. */
    recipe: z.looseObject({}),
    /** By network and epoch, training against validation: losses and NDCG@10, each with its gap. */
    curves: z.looseObject({ candidate: Curve, 'from-scratch': Curve }).partial(),
    /**
     * Of what is served, as are checks and forgetting: both gaps at the epoch that was kept and at the last, and NDCG@10 on
     * users it learned from, on validation and on test.
     */
    overfitting: z.looseObject({}),
    /**
     * Each slice of users and items against what is served; and by quarter of the time that the champion learned from,
     * `windows`: NDCG@10 of its network by itself before, of this version's now, and the difference with its interval. Where
     * either has none, `withoutWindows` says why.
     */
    forgetting: z.looseObject({}),
    /** What the figures of calibration are, or why there are none. */
    calibration: z.string(),
    blend: z.looseObject({}),
    quality: z.looseObject({}),
    baseline: Baseline,
    /** What the tenant had set that decides what is learned: the same events make another version by other ones. */
    settings: z.looseObject({}),
  })
  .partial()
  .meta({ id: 'VersionReport' })
export type VersionReport = z.infer<typeof VersionReport>
