import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common'
import type { ExecutionContext } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from './errors.js'
import { Id } from './schema.js'

export const SCOPES = ['ingest', 'recommend', 'train', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

/** Who is asking, as the guard found out. */
export type Caller =
  { kind: 'operator'; name: string } | { kind: 'key'; tenantId: string; keyId: string; scopes: Scope[]; name: string }

export type AttuneRequest = FastifyRequest & {
  caller?: Caller
  /** The tenant in the path, once the guard has let the request in. */
  tenantId?: string
  /** Milliseconds that its answer was held back on purpose. */
  heldMs?: number
}

/**
 * One endpoint of the contract: what it takes, what it answers, who may call it. The router, the guard, the validation
 * and the OpenAPI document all read this one value.
 */
export interface Contract {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Nest's path, `:name` for a parameter; `:tenant` is checked by the guard. */
  path: string
  summary: string
  tag: string
  /** `public` needs no key, `any` any key, `operator` the operator's, a scope the tenant's own with it (or the operator's). */
  access: Scope | 'operator' | 'any' | 'public'
  /** Where a parameter of the path is more than an id. */
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  response?: z.ZodType
  /** 200 unless said. */
  status?: number
  /** Further statuses of an answer that is none of an error. */
  alsoAnswers?: number[]
  /** Statuses of errors beside those that any endpoint may answer. */
  errors?: number[]
  /** The answer's media type; JSON unless said. */
  produces?: string
}

const contracts: Contract[] = []
export const allContracts = (): readonly Contract[] => contracts

/** Declares an endpoint. Call once per endpoint, at module level. */
export function contract<const C extends Contract>(value: C): C {
  contracts.push(value)
  return value
}

export const CONTRACT = 'attune:contract'

/** Binds a controller's method to its contract. */
export const Route = (route: Contract) =>
  applyDecorators(
    RequestMapping({ path: route.path, method: RequestMethod[route.method] }),
    HttpCode(route.status ?? 200),
    SetMetadata(CONTRACT, route),
  )

type Output<T> = T extends z.ZodType ? z.output<T> : undefined

/** What a controller's method gets: everything parsed, nothing raw. */
export interface Input<C extends Contract> {
  /** The tenant in the path, already checked against the key; empty where the path has none. */
  tenant: string
  params: C['params'] extends z.ZodType ? z.output<C['params']> : Record<string, string>
  query: Output<C['query']>
  body: Output<C['body']>
  caller: Caller
  requestId: string
}

/** Ids in a path are opaque, and have to be ones that can exist. */
const Ids = z.record(z.string(), Id)

const ANYONE: Caller = { kind: 'key', tenantId: '', keyId: '', scopes: [], name: 'anonymous' }

/** The parsed request, as `Input<typeof contract>`. */
export const Parsed = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const request = context.switchToHttp().getRequest<AttuneRequest>()
  const route = Reflect.getMetadata(CONTRACT, context.getHandler()) as Contract
  const problems: { path: string; message: string }[] = []
  const read = (schema: z.ZodType | undefined, value: unknown, where: string) => {
    if (!schema) return undefined
    const parsed = schema.safeParse(value)
    if (!parsed.success)
      problems.push(
        ...parsed.error.issues
          .slice(0, 50)
          .map((i) => ({ path: (where ? [where, ...i.path] : i.path).join('.'), message: i.message })),
      )
    return parsed.data
  }
  const params = read(route.params ?? Ids, request.params, 'path')
  const query = read(route.query, request.query, 'query')
  const body = read(route.body, request.body ?? undefined, '')
  if (problems.length > 0)
    throw new AppError('VALIDATION_FAILED', 'The request does not fit the contract.', { status: 400, errors: problems })
  const { tenant = '' } = request.params as { tenant?: string }
  return { tenant, params, query, body, caller: request.caller ?? ANYONE, requestId: request.id }
})

/** Error answers of every endpoint (RFC 9457). */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' })
