/** How far a training is. */
export interface Progress {
  epoch: number
  step: number
  /** Steps there will be unless it stops early. */
  steps: number
  /** Mean loss of the epoch so far. */
  loss: number
  /** Best validation so far; null where there is none. */
  validation: number | null
  tokensPerSecond: number
  /** 0 to 1 */
  progress: number
}

export interface EpochResult {
  epoch: number
  /** Mean training loss, with dropout; of the start: null */
  trainLoss: number | null
  /** Mean loss on held-out events, without dropout; null without them */
  validationLoss: number | null
  validationNdcg: number | null
  /** The same on users as they were learned from: what it gains here and not there is known by heart; null without any */
  trainNdcg: number | null
}

/** Of a network after an epoch, higher is better. */
export interface EpochQuality {
  validation: number
  training: number
}

/** Is told of a training while it goes on. */
export interface FitWatch {
  onProgress?: (progress: Progress) => void
  /** After each epoch, and of the start as epoch 0. */
  onEpoch?: (result: EpochResult) => void
}
