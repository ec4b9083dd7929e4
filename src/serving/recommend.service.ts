import { randomUUID } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import type { UserEvent } from '../events/event.js'
import { EventsService } from '../events/events.service.js'
import { type AnswerKind, AnswersService } from '../online/answers.service.js'
import type { Assignment } from '../online/assignment.js'
import { AppError, notFound } from '../platform/errors.js'
import { DriftService } from '../monitoring/drift.service.js'
import { Metrics } from '../platform/metrics.js'
import { Tracing } from '../platform/tracing.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { AsideModels } from './aside-models.service.js'
import { AssignmentService } from './assignment.service.js'
import type { LiveModel } from './live-model.js'
import type { PastEvent } from './scored.js'
import { LiveModels, type Wish } from './live-models.service.js'
import { present } from './presentation.js'
import { RecommendationMetrics } from './recommendation-metrics.js'
import { DEFAULT_COUNT, type Hiding, rankFor, rankGiven, type Ranking, rankSimilar, rankTrending } from './ranking.js'
import {
  type Answer,
  type HistoryEntry,
  Options,
  type RankingRequest,
  type RecommendationRequest,
} from './recommend.schema.js'
import { ScenariosService } from './scenarios.service.js'

/** The model looks back on fewer; some of these may be of items that are not in the catalogue. */
const HISTORY_LENGTH = 1000

const OPTION_NAMES = Object.keys(Options.shape) as (keyof Options)[]

interface Visitor {
  userId?: string
  sessionId?: string
  scenario?: string
  history?: HistoryEntry[]
}
/** A visitor with the arm that he is in. */
interface AssignedVisitor extends Visitor {
  assigned?: Assignment | null
  /** The options are those of the arm. */
  isAsAssigned?: boolean
}

/** From a request to its answer: reads what is needed at once, then ranks without waiting for anything. */
@Injectable()
export class RecommendService {
  private readonly metrics

  constructor(
    @Inject(LiveModels) private readonly models: LiveModels,
    @Inject(AsideModels) private readonly aside: AsideModels,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(ScenariosService) private readonly scenarios: ScenariosService,
    @Inject(AssignmentService) private readonly assignment: AssignmentService,
    @Inject(AnswersService) private readonly answers: AnswersService,
    @Inject(DriftService) private readonly drift: DriftService,
    @Inject(Tracing) private readonly tracing: Tracing,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.metrics = new RecommendationMetrics(metrics)
  }

  /** @throws AppError NOT_FOUND for a scenario that does not exist */
  async recommend(tenantId: string, request: RecommendationRequest): Promise<Answer> {
    const started = performance.now()
    const now = Date.now()
    const assigned = await this.assignment.assign(tenantId, request)
    const [past, { options, hiding, isAsAssigned }] = await Promise.all([
      this.pastOf(tenantId, request, now),
      this.rulesFor(tenantId, request, assigned?.arm.scenario ?? null),
      this.models.ready(tenantId, wishOf(assigned)),
    ])
    const visitor = { ...request, assigned, isAsAssigned }
    return this.answer('recommendations', tenantId, visitor, options, started, (model) =>
      rankFor(model, past, options, hiding, now),
    )
  }

  /**
   * What a version would answer, promoted or not, always with its reasons. Nothing of it is kept or counted.
   * @param version its id, or `base` for none
   * @throws AppError NOT_FOUND for a version or a scenario that does not exist
   */
  async inspect(
    tenantId: string,
    version: string,
    request: RecommendationRequest,
  ): Promise<Omit<Answer, 'recommendationId'>> {
    const now = Date.now()
    const [past, { options, hiding }] = await Promise.all([
      this.pastOf(tenantId, request, now),
      this.rulesFor(tenantId, request, null),
    ])
    return this.aside.use(tenantId, version, (model) => {
      const ranking = rankFor(model, past, { ...options, explain: true }, hiding, now)
      const items = present(model, ranking, options.returnProperties)
      return { modelVersion: model.version, source: ranking.source, items }
    })
  }

  /** Orders a given list for one user; ids that are not in the catalogue are named. */
  async order(tenantId: string, request: RankingRequest): Promise<Answer & { unknownItemIds: string[] }> {
    const started = performance.now()
    const now = Date.now()
    const assigned = await this.assignment.assign(tenantId, request)
    const [past] = await Promise.all([
      this.pastOf(tenantId, request, now),
      this.models.ready(tenantId, wishOf(assigned)),
    ])
    const unknownItemIds: string[] = []
    const visitor = { ...request, assigned, isAsAssigned: true }
    const answer = await this.answer('rankings', tenantId, visitor, { count: 0 }, started, (model) => {
      const items: number[] = []
      for (const itemId of new Set(request.itemIds)) {
        const item = model.itemOf(itemId)
        if (item === undefined) unknownItemIds.push(itemId)
        else items.push(item)
      }
      return rankGiven(model, items, past, request.explain, now)
    })
    return { ...answer, unknownItemIds }
  }

  /** @throws AppError NOT_FOUND for an item that is not in the catalogue */
  similar(tenantId: string, itemId: string, count: number): Promise<Answer> {
    return this.answer('similar', tenantId, {}, { count }, performance.now(), (model, now) => {
      const item = model.itemOf(itemId)
      if (item === undefined) throw notFound('item', itemId)
      return rankSimilar(model, item, count, now)
    })
  }

  /** @param hours how far back to count; without it newer events weigh more */
  trending(tenantId: string, count: number, hours?: number): Promise<Answer> {
    return this.answer('trending', tenantId, {}, { count }, performance.now(), (model, now) =>
      rankTrending(model, count, hours, now),
    )
  }

  private answer(
    kind: AnswerKind,
    tenantId: string,
    { userId, sessionId, scenario, assigned, isAsAssigned }: AssignedVisitor,
    { returnProperties, count = DEFAULT_COUNT }: Options,
    started: number,
    rank: (model: LiveModel, now: number) => Ranking,
  ): Promise<Answer> {
    const version = assigned?.arm.modelVersion ?? null
    const work = (model: LiveModel): Answer => {
      const ranking = this.traced(kind, model, rank)
      this.noteScore(kind, model, ranking)
      const recommendationId = randomUUID()
      const items = present(model, ranking, returnProperties)
      // What is not served as the arm says counts for no arm.
      const isAsMeant = isAsAssigned && (version === null || version === model.version)
      const counted = isAsMeant && assigned ? { id: assigned.experimentId, arm: assigned.arm.name } : null
      const answer = { recommendationId, modelVersion: model.version, source: ranking.source, items }
      this.answers.record(tenantId, {
        recommendationId,
        userId: userId ?? null,
        sessionId: sessionId ?? null,
        modelVersion: model.version,
        source: ranking.source,
        kind,
        scenario: scenario ?? null,
        items: items.map(({ itemId }) => itemId),
        experiment: counted && assigned ? { ...counted, unit: assigned.unit } : null,
      })
      const seconds = (performance.now() - started) / 1000
      const { source } = ranking
      this.metrics.answered({ kind, tenantId, source, asked: count, items: items.length, seconds })
      return counted ? { ...answer, experiment: counted } : answer
    }
    return this.models.use(tenantId, work, wishOf(assigned))
  }

  /** Of lists for somebody: those of the trend have scores of another kind. */
  private noteScore(kind: AnswerKind, { tenantId, versionId }: LiveModel, { score, source }: Ranking): void {
    if (kind !== 'recommendations' || source !== 'fine-tuned' || versionId === null || score === null) return
    this.drift.served(tenantId, versionId, score)
  }

  private traced(kind: AnswerKind, model: LiveModel, rank: (model: LiveModel, now: number) => Ranking): Ranking {
    const attributes = { 'attune.recommendation.kind': kind, 'attune.model.version': model.version }
    return this.tracing.inner('rank', { attributes }, (span) => {
      const ranking = rank(model, Date.now())
      span?.setAttributes({
        'attune.recommendation.source': ranking.source,
        'attune.recommendation.items': ranking.picks.length,
      })
      return ranking
    })
  }

  /** What is to be heeded for this visitor: options and settings are mostly in memory, so that this is one read. */
  private async rulesFor(
    tenantId: string,
    request: RecommendationRequest,
    armScenario: string | null,
  ): Promise<{ options: Options; hiding: Hiding; isAsAssigned: boolean }> {
    const { userId, scenario } = request
    const [{ settings }, own, ofArm] = await Promise.all([
      this.tenants.get(tenantId),
      scenario === undefined ? {} : this.scenarios.defaultsOf(tenantId, scenario),
      armScenario === null ? null : this.defaultsIfThere(tenantId, armScenario),
    ])
    const isAsAssigned = armScenario === null || ofArm !== null
    const options: Options = { ...(ofArm ?? own), ...given(request) }
    const types = new Set(settings.hideAfter)
    if (userId === undefined || options.excludeSeen === false)
      return { options, hiding: { types, itemIds: [] }, isAsAssigned }
    // Of all his events, as in evaluation: what he bought long ago stays hidden.
    const itemIds = await this.events.itemsOf(tenantId, userId, options.excludeSeen ? null : settings.hideAfter)
    return { options, hiding: { types, itemIds }, isAsAssigned }
  }

  /** Null for a scenario that was removed while an experiment tries it. */
  private defaultsIfThere(tenantId: string, scenario: string): Promise<Options | null> {
    return this.scenarios.defaultsOf(tenantId, scenario).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'NOT_FOUND') return null
      throw error
    })
  }

  /** What the user did, and what the request says he did, oldest first. @param now when he asked */
  private async pastOf(tenantId: string, visitor: Visitor, now: number): Promise<PastEvent[]> {
    const stored = await this.storedOf(tenantId, visitor)
    const { history = [] } = visitor
    // Before he asked, and however long the answer takes: the network goes by the time between.
    const justNow = now - 1
    const told = history.map((entry): PastEvent =>
      typeof entry === 'string'
        ? { itemId: entry, type: null, value: null, at: justNow }
        : {
            itemId: entry.itemId,
            type: entry.type ?? null,
            value: entry.value ?? null,
            at: entry.occurredAt?.getTime() ?? justNow,
          },
    )
    const past = [
      ...stored.map(({ itemId, type, value, occurredAt }) => ({ itemId, type, value, at: occurredAt.getTime() })),
      ...told,
    ]
    return told.length > 0 ? past.sort((a, b) => a.at - b.at) : past
  }

  /** Of a visitor who is nobody known and told nothing, what was done in the session. */
  private storedOf(tenantId: string, { userId, sessionId, history = [] }: Visitor): Promise<UserEvent[]> | UserEvent[] {
    if (userId !== undefined) return this.events.historyOf(tenantId, userId, HISTORY_LENGTH)
    if (sessionId === undefined || history.length > 0) return []
    return this.events.historyOfSession(tenantId, sessionId, HISTORY_LENGTH)
  }
}

/** The options that a request sets itself: those it leaves out stay as the scenario has them. */
const given = (request: RecommendationRequest): Options => {
  const set = OPTION_NAMES.filter((name) => request[name] !== undefined)
  return Object.fromEntries(set.map((name): [string, unknown] => [name, request[name]]))
}

/** The model that an assignment asks for. */
const wishOf = (assigned: Assignment | null | undefined): Wish | undefined =>
  assigned?.pinned ? { version: assigned.pinned, wait: assigned.waits } : undefined
