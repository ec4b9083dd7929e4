import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { QuotaUseService } from './quota-use.service.js'

const momentOrNull = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })

const QuotaUse = z
  .object({
    quota: z.enum(['requests', 'events', 'items', 'training runs']),
    limit: z.number().int(),
    per: z.enum(['second', 'day']).nullable().meta({ description: 'What the limit is of; null: of all there is' }),
    used: z.number().meta({
      description:
        'Items: how many there are (of a large tenant counted now and then only). Training runs: those of the last day. Requests and events: what is used up at this moment of ten seconds of the rate, to some twentieth of it; past it while a large batch is being paid off.',
    }),
    most: z.number().meta({ description: 'What `used` may come to: beyond it is refused' }),
    refused: z.number().meta({ description: 'Of the last day, and while there was no day without any' }),
    refusedSince: momentOrNull,
    lastRefusedAt: momentOrNull,
  })
  .meta({ id: 'QuotaUse' })

const QuotaUses = z.object({ data: z.array(QuotaUse) })

const quotaUse = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/quotas',
  summary: 'What the quotas are, how near to them the tenant is, and what they refused lately',
  tag: 'Tenants and keys',
  access: 'manage',
  response: QuotaUses,
})

@Controller()
export class QuotaUseController {
  constructor(@Inject(QuotaUseService) private readonly quotas: QuotaUseService) {}

  @Route(quotaUse)
  async of(@Parsed() { tenant }: Input<typeof quotaUse>): Promise<z.output<typeof QuotaUses>> {
    return { data: await this.quotas.of(tenant) }
  }
}
