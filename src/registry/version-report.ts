import { z } from 'zod'

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
    /** By who was judged (`candidate`, `champion`, `base`, `popular`, ...), each metric at 10 with its interval. */
    metrics: z.record(z.string(), z.looseObject({})),
    gate: z.looseObject({
      decision: z.enum(['passed', 'rejected']),
      reason: z.string(),
      checks: z.array(z.looseObject({})),
    }),
    /** Each choice with its reason. */
    recipe: z.looseObject({}),
    curves: z.looseObject({}),
    overfitting: z.looseObject({}),
    forgetting: z.looseObject({}),
    blend: z.looseObject({}),
    quality: z.looseObject({}),
  })
  .partial()
  .meta({ id: 'VersionReport' })
export type VersionReport = z.infer<typeof VersionReport>
