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
  /** Those that the run is made of, in their order. */
  trainings: Training[]
  log: LogLine[]
  ended: boolean
  /** The connection broke; it is tried again. */
  broken: boolean
}

/** One of the trainings of a run. */
export interface Training {
  /** The stage that it belongs to: training, twin or refitting. */
  of: string
  epochs: Epoch[]
}

export interface LogLine {
  at: string
  text: string
}

const NOTHING: RunStory = {
  figures: {},
  state: null,
  detail: null,
  trainings: [],
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
  | { kind: 'epoch'; data: { at: string; of: string; part: number } & Epoch }
  | { kind: 'metrics'; data: { at: string; decision: string; reason: string } }

const KINDS = ['attempt', 'state', 'estimate', 'quality', 'progress', 'epoch', 'metrics'] as const

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
    case 'epoch': {
      const { at, of, ...epoch } = news.data
      const trainings = withEpoch(story.trainings, of, epoch)
      return { ...story, trainings, log: epoch.epoch > 0 ? logged(at, epochText(epoch)) : story.log }
    }
    case 'progress':
      return progressed(story, news.data)
  }
}

function progressed(story: RunStory, { at, detail, engine, ...figures }: Extract<News, { kind: 'progress' }>['data']) {
  const anew = detail !== undefined && detail !== story.detail
  const log = [...story.log]
  if (engine !== undefined) log.push({ at, text: `engine ${engine}` })
  if (anew) log.push({ at, text: detail })
  return { ...story, figures: { ...story.figures, ...figures }, detail: detail ?? story.detail, log }
}

/** Epoch 0 is the start of a further training. */
function withEpoch(trainings: Training[], of: string, epoch: Epoch): Training[] {
  const last = trainings.at(-1)
  if (epoch.epoch === 0 || last?.of !== of) return [...trainings, { of, epochs: [epoch] }]
  return [...trainings.slice(0, -1), { of, epochs: [...last.epochs, epoch] }]
}

const epochText = ({ epoch, trainLoss, validationLoss, validationNdcg }: Epoch) =>
  [
    `epoch ${epoch}: loss ${decimal(trainLoss ?? 0, 3)}`,
    ...(validationLoss == null ? [] : [`of validation ${decimal(validationLoss, 3)}`]),
    ...(validationNdcg == null ? [] : [`NDCG@10 of validation ${percent(validationNdcg)}`]),
  ].join(', ')
