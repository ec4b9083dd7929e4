import { useEffect, useReducer } from 'react'
import { of } from './api'
import type { Epoch, Estimate, Quality, Run, RunState } from './contract'
import { bytes, count, decimal, duration, percent } from './numbers'

/** What a run said of itself, as it came. */
export interface RunStory {
  /** The newest of each figure. */
  figures: Partial<Pick<Run, 'progress' | 'epoch' | 'step' | 'tokensPerSecond' | 'etaSeconds' | 'loss' | 'validation'>>
  state: RunState | null
  detail: string | null
  /** Of the training that goes on or was last; anew with each. */
  epochs: Epoch[]
  log: LogLine[]
  ended: boolean
  /** The connection broke; it is tried again. */
  broken: boolean
}

export interface LogLine {
  at: string
  text: string
}

const NOTHING: RunStory = {
  figures: {},
  state: null,
  detail: null,
  epochs: [],
  log: [],
  ended: false,
  broken: false,
}

type News =
  | { kind: 'open' | 'broken' }
  | { kind: 'end' }
  | { kind: 'attempt'; data: { at: string; attempt: number } }
  | { kind: 'state'; data: { at: string; state: RunState; detail?: string } }
  | { kind: 'estimate'; data: { at: string } & Estimate }
  | { kind: 'quality'; data: { at: string } & Quality }
  | { kind: 'progress'; data: { at: string; detail?: string; engine?: string } & RunStory['figures'] }
  | { kind: 'metrics'; data: { at: string; decision: string; reason: string } }

const KINDS = ['attempt', 'state', 'estimate', 'quality', 'progress', 'metrics'] as const

/**
 * Follows a run by its server-sent events: all that it has reported, then what it reports. The browser comes back by
 * itself where the connection breaks, and tells what it knows already.
 */
export function useRunStory(tenant: string, run: string): RunStory {
  const [story, tell] = useReducer(toldOf, NOTHING)
  useEffect(() => {
    const source = new EventSource(of(tenant, `/training-runs/${encodeURIComponent(run)}/events`))
    source.onopen = () => tell({ kind: 'open' })
    source.onerror = () => tell({ kind: 'broken' })
    for (const kind of KINDS)
      source.addEventListener(kind, ({ data }: MessageEvent<string>) => tell({ kind, data: JSON.parse(data) as never }))
    source.addEventListener('end', () => {
      source.close()
      tell({ kind: 'end' })
    })
    return () => source.close()
  }, [tenant, run])
  return story
}

function toldOf(story: RunStory, news: News): RunStory {
  const logged = (at: string, text: string) => [...story.log, { at, text }]
  switch (news.kind) {
    case 'open':
      return { ...story, broken: false }
    case 'broken':
      return { ...story, broken: !story.ended }
    case 'end':
      return { ...story, ended: true, broken: false }
    case 'attempt': {
      const { at, attempt } = news.data
      if (attempt <= 1) return story
      // Whatever an earlier trainer did is lost with it.
      return { ...NOTHING, log: logged(at, `attempt ${attempt}: the trainer before it vanished`) }
    }
    case 'state': {
      const { at, state, detail } = news.data
      return {
        ...story,
        state,
        detail: detail ?? story.detail,
        log: logged(at, detail ? `${state}: ${detail}` : state),
      }
    }
    case 'estimate': {
      const { at, seconds, memoryBytes, engine } = news.data
      return { ...story, log: logged(at, `estimated: ${duration(seconds)}, ${bytes(memoryBytes)}, on ${engine}`) }
    }
    case 'quality': {
      const { at, read, kept, findings } = news.data
      const outside = findings.find(({ reason }) => reason === 'outside-history')
      const log = logged(at, `read ${count(read)} events, kept ${count(kept)}`)
      return { ...story, log: outside ? [...log, { at, text: outside.action }] : log }
    }
    case 'metrics':
      return { ...story, log: logged(news.data.at, news.data.reason) }
    case 'progress':
      return progressed(story, news.data)
  }
}

function progressed(story: RunStory, { at, detail, engine, ...figures }: Extract<News, { kind: 'progress' }>['data']) {
  const anew = detail !== undefined && detail !== story.detail
  const log = [...story.log]
  if (engine !== undefined) log.push({ at, text: `engine ${engine}` })
  // At the end it tells the figures of its fine-tuning once more.
  if (figures.etaSeconds === 0)
    return {
      ...story,
      figures: { ...story.figures, ...figures },
      detail: detail ?? story.detail,
      log: anew ? [...log, { at, text: detail }] : log,
    }
  const { epoch, loss, validation } = { ...story.figures, ...figures }
  // A training that begins again at its first epoch is another one; between two there is none.
  const finished = story.epochs.at(-1)
  const ends = figures.epoch === null && story.figures.epoch != null
  const restarted = epoch != null && finished && (story.figures.epoch == null || epoch < finished.epoch)
  const before = restarted ? [] : story.epochs
  const goesOn = figures.epoch != null && finished && !restarted && figures.epoch > finished.epoch
  if (finished && (ends || goesOn)) log.push({ at, text: epochText(finished) })
  if (anew) log.push({ at, text: detail })
  const epochs = figures.epoch == null || loss == null ? before : withEpoch(before, figures.epoch, loss, validation)
  return { ...story, figures: { ...story.figures, ...figures }, detail: detail ?? story.detail, epochs, log }
}

const withEpoch = (epochs: Epoch[], epoch: number, trainLoss: number, validation: number | null | undefined) => [
  ...epochs.filter((one) => one.epoch < epoch),
  { epoch, trainLoss, validationLoss: null, validationNdcg: validation || null },
]

const epochText = ({ epoch, trainLoss, validationNdcg }: Epoch) =>
  `epoch ${epoch}: loss ${decimal(trainLoss ?? 0, 3)}${validationNdcg == null ? '' : `, validation NDCG@10 ${percent(validationNdcg)}`}`
