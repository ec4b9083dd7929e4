/** The bases that ship: for shops, and for media whose items are young. They differ in their default blend. */
export const BASES = ['shops', 'media'] as const
export type BaseName = (typeof BASES)[number]

/** What a tenant may name: a base, or `default`: that of shops, until a training run finds which one fits. */
export const BASE_MODELS = ['default', ...BASES] as const
export type BaseModel = (typeof BASE_MODELS)[number]
