import type { Metrics, VersionSummary } from './contract'

/** The figures of what a version serves: where its from-scratch twin did better, that is served. */
export function ownMetrics({ metrics, judgedAs }: VersionSummary): Metrics | null {
  return (judgedAs && metrics?.[judgedAs]) ?? metrics?.candidate ?? null
}

/** Those that a version has to be better than, in the order in which they are told. */
export const RIVALS: [string, string][] = [
  ['champion', 'served before'],
  ['base', 'base'],
  ['recent', 'recent popularity'],
  ['popular', 'popularity'],
  ['from-scratch', 'from-scratch twin'],
  ['blend without network', 'without the network'],
]

/** Whether both were judged on the same users: figures of different windows are not alike. */
export const sameWindow = (a: VersionSummary, b: VersionSummary) =>
  a.dataWindow?.testFrom === b.dataWindow?.testFrom && a.dataWindow?.to === b.dataWindow?.to
