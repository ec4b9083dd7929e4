import type { components, paths } from './contract.js'
import type { Filter } from './filter.js'

export type Schemas = components['schemas']

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** The paths that can be called with a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never
}[keyof paths]

type Json<T> = T extends { content: { 'application/json': infer J } } ? J : never
type Done<R> = { [S in keyof R & (200 | 201 | 202)]: Json<R[S]> }[keyof R & (200 | 201 | 202)]

type BodyOf<O> = O extends { requestBody: infer B } ? Json<B> : never
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never
/** Undefined where the answer has no body. */
type AnswerOf<O> = O extends { responses: infer R }
  ? (200 | 201 | 202) & keyof R extends never
    ? undefined
    : Done<R>
  : never

/** What a call answers. */
export type Answer<M extends Method, P extends PathOf<M>> = AnswerOf<paths[P][M]>
/** The body that a call takes. */
export type Body<M extends Method, P extends PathOf<M>> = BodyOf<paths[P][M]>
export type Query<M extends Method, P extends PathOf<M>> = QueryOf<paths[P][M]>

/** What every method takes last. */
export interface CallOptions {
  /** Ends the call, and the waiting between its tries. */
  signal?: AbortSignal
  /** Of one try, in milliseconds. */
  timeoutMs?: number
}

/** A body whose filters are written as the contract means them: a schema cannot tell fields from `and`, `or` and `not`. */
export type WithFilters<B> = Omit<B, 'filter' | 'boost'> & {
  filter?: Filter
  boost?: { filter: Filter; weight: number }[]
}

export type Event = Schemas['Event']
export type Item = Schemas['Item']

export interface Rejected {
  /** Its place in what was given. */
  index: number
  code: string
  reason: string
}
