import { type Judged, mean, pairedDifference } from './metrics.js'

export interface Check {
  name: string
  /** For people, where the name has a word of the code in it. */
  title?: string
  passed: boolean
  /** There was too little to ask it of: it passes, and says nothing. */
  asked?: false
  /** A failed check that is not required is told, and stops nothing. */
  required: boolean
  detail: string
  figures: Record<string, number>
}

/** @param least of the other's quality, the least lead that counts */
export function beats(name: string, judged: Judged, other: Judged, who: string, least = 0): Check {
  const lead = pairedDifference(judged.ndcg, other.ndcg)
  const isBeyondNoise = lead.mean > 0 && lead.lowOneSided90 >= 0
  const passed = isBeyondNoise && lead.mean >= least * mean(other.ndcg)
  const comparison = compare(judged, other, who)
  const detail = passed
    ? `it beats ${comparison}, beyond noise`
    : isBeyondNoise
      ? `it hardly differs from ${comparison}: its lead is below ${percent(least)} % of that`
      : lead.mean > 0
        ? `its lead over ${comparison} may be noise`
        : `it does not beat ${comparison}`
  return { name, passed, required: true, detail, figures: figuresOf(judged, other, lead) }
}

/** Holds unless it is worse beyond noise. */
export function notWorse(name: string, judged: Judged, other: Judged, who: string): Check {
  const loss = pairedDifference(other.ndcg, judged.ndcg)
  const passed = !(loss.mean > 0 && loss.lowOneSided90 > 0)
  const detail = `it is ${passed ? 'not ' : ''}worse, beyond noise, than ${compare(judged, other, who)}`
  return { name, passed, required: true, detail, figures: figuresOf(judged, other, loss) }
}

export function figuresOf(judged: Judged, other: Judged, difference: { mean: number; low: number; high: number }) {
  const { mean: middle, low, high } = difference
  return { own: mean(judged.ndcg), other: mean(other.ndcg), difference: middle, low, high }
}

export const percent = (value: number): string => (100 * value).toFixed(2)
export const wholePercent = (share: number): string => (100 * share).toFixed(share > 0 && share < 0.095 ? 1 : 0)
export const signed = (value: number): string => `${value > 0 ? '+' : ''}${percent(value)}`

const compare = (judged: Judged, other: Judged, who: string): string =>
  `${who} (NDCG@10 in %: ${percent(mean(judged.ndcg))} against ${percent(mean(other.ndcg))})`
