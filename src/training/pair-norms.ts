import { Counts, DEFAULT_NORM, type NormSetting, type PairKind, type PairNorms } from '../model/counts.js'
import { topK } from '../model/ranking.js'
import { judgeList, mean } from './metrics.js'
import type { Case } from './split.js'

const CUTOFF = 10
// Where items are few and often seen, shrinking them less or holding popular sources down more was better by up to a
// fifth on public sets; on sparse shops nothing was better than the default.
const CHOICES: NormSetting[] = [
  { shrinkage: 1, source: 0.5, target: 0.3 },
  { shrinkage: 3, source: 0.7, target: 0.3 },
  { shrinkage: 10, source: 0.5, target: 0.5 },
  { shrinkage: 1, source: 0.5, target: 0.5 },
  { shrinkage: 0.3, source: 0.7, target: 0.5 },
]

/** Which norms rank best what validation users took, by each kind of pairs alone. Stays with the default within noise. */
export function choosePairNorms(counts: Counts, cases: Case[]): { norms: PairNorms; reason: string } {
  const chosen = (kind: PairKind) => {
    const usual = ndcgs(counts, kind, cases)
    let best = { setting: DEFAULT_NORM, gain: 0 }
    for (const setting of CHOICES) {
      const gains = ndcgs(counts.withNorms({ wide: setting, narrow: setting }), kind, cases).map((v, i) => v - usual[i])
      const gain = mean(gains)
      const error = Math.sqrt(mean(gains.map((one) => (one - gain) ** 2)) / Math.max(1, cases.length - 1))
      if (gain > error && gain > best.gain) best = { setting, gain }
    }
    return best
  }
  const [wide, narrow] = [chosen('wide'), chosen('narrow')]
  const say = ({ setting, gain }: typeof wide) =>
    gain > 0
      ? `(n + ${setting.shrinkage})^${setting.source} and ^${setting.target}, NDCG@10 ${(100 * gain).toFixed(2)} % better`
      : 'the usual'
  return {
    norms: { wide: wide.setting, narrow: narrow.setting },
    reason: `pairs are divided by, on ${cases.length} validation users: wide ${say(wide)}; narrow ${say(narrow)}`,
  }
}

function ndcgs(counts: Counts, kind: PairKind, cases: Case[]): number[] {
  const out = new Float32Array(counts.itemCount)
  return cases.map(({ history, hidden, targets }) => {
    counts.following(history, kind, out)
    for (const item of hidden) out[item] = -Infinity
    return judgeList(topK(out, CUTOFF), new Set(targets), CUTOFF).ndcg
  })
}
