import { Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call, of } from '../api'
import type { Inspection, Recommended } from '../contract'
import { decimal, percent } from '../numbers'
import { ItemFace } from '../parts/item-face'
import { Empty, Failure, Loading } from '../parts/states'
import { tenantKey } from '../queries'
import classes from './recommended-list.module.css'
import { askedFor, type Who } from './who'

/** Far enough down to say where an item was before a rule moved it up. */
const ASKED = 50
export const SHOWN = 10

/** What a version would answer. */
export const inspectionOf = (tenant: string, version: string, who: Who, options: Record<string, unknown>) => {
  const body = { ...askedFor(who), ...options, count: ASKED, explain: true, returnProperties: true }
  return {
    queryKey: [...tenantKey(tenant), 'inspection', version, body],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      call<Inspection>(of(tenant, `/model-versions/${encodeURIComponent(version)}/recommendations`), {
        method: 'POST',
        body,
        signal,
      }),
    // A version that is not served is loaded first, which may take a while.
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  }
}

interface Props {
  tenant: string
  version: string
  who: Who
  options: Record<string, unknown>
  /** The other version's list, to say where an item is there; null: there is no other. */
  other: Recommended[] | null
  titleOf: (itemId: string) => string
}

/** One version's list: each item with what it is recommended because of, and how the rules and the other version differ. */
export function RecommendedList({ tenant, version, who, options, other, titleOf }: Props) {
  const bent = Object.keys(options).length > 0
  const list = useQuery(inspectionOf(tenant, version, who, options))
  const plain = useQuery({ ...inspectionOf(tenant, version, who, {}), enabled: bent })
  if (list.isPending) return <Loading what="the version and its list" />
  if (list.isError) return <Failure error={list.error} retry={() => void list.refetch()} />
  const items = list.data.items.slice(0, SHOWN)
  const before = bent ? (plain.data?.items ?? null) : null
  const shown = new Set(items.map(({ itemId }) => itemId))
  const dropped = (before ?? []).slice(0, SHOWN).filter(({ itemId }) => !shown.has(itemId))
  if (items.length === 0) return <Empty title="Nothing">No available item passes these rules.</Empty>
  return (
    <>
      <ol className={classes.list} aria-busy={list.isFetching}>
        {items.map((item, place) => (
          <li key={item.itemId}>
            <span className={classes.rank}>{place + 1}</span>
            <ItemFace itemId={item.itemId} face={item.properties}>
              <Because item={item} titleOf={titleOf} />
            </ItemFace>
            <div className={classes.marks}>
              {before && <Moved from={placeIn(before, item.itemId)} to={place} />}
              {other && <Elsewhere place={placeIn(other, item.itemId)} />}
              <Text size="xs" c="dimmed" title={`Score; from ${item.source}`}>
                {decimal(item.score, 3)}
              </Text>
            </div>
          </li>
        ))}
      </ol>
      {dropped.length > 0 && (
        <Text size="sm" c="dimmed" className={classes.dropped}>
          The rules took away: {dropped.map(({ itemId, properties }) => properties?.title ?? itemId).join('; ')}
        </Text>
      )}
    </>
  )
}

const placeIn = (items: Recommended[], itemId: string) => items.findIndex((item) => item.itemId === itemId)

function Because({ item, titleOf }: { item: Recommended; titleOf: (itemId: string) => string }) {
  const because = item.reason?.because ?? []
  if (because.length === 0)
    return (
      <Text size="xs" c="dimmed">
        {item.source === 'trending' || item.source === 'popular'
          ? `because it is ${item.source}`
          : 'no one item of the history weighs most'}
      </Text>
    )
  const all = because.reduce((sum, { weight }) => sum + Math.abs(weight), 0)
  return (
    <Text size="xs" component="div">
      because of{' '}
      {because.map(({ itemId, weight }, place): ReactNode => (
        <span key={itemId}>
          {place > 0 && ', '}
          <b className={classes.cause}>{titleOf(itemId)}</b>
          {all > 0 && because.length > 1 && (
            <span className={classes.weight}> {percent(Math.abs(weight) / all, 0)}</span>
          )}
        </span>
      ))}
    </Text>
  )
}

/** How the rules moved it. */
function Moved({ from, to }: { from: number; to: number }) {
  if (from === to) return null
  const by = from - to
  return from < 0 ? (
    <span className={classes.mark} data-kind="new">
      new by the rules
    </span>
  ) : (
    <span className={classes.mark} data-kind={by > 0 ? 'up' : 'down'}>
      <span aria-hidden>{by > 0 ? '▲' : '▼'}</span>
      <span className="only-said">{by > 0 ? 'up by' : 'down by'}</span> {Math.abs(by)}
    </span>
  )
}

function Elsewhere({ place }: { place: number }) {
  if (place >= 0 && place < SHOWN)
    return (
      <Text size="xs" c="dimmed">
        other: {place + 1}
      </Text>
    )
  return (
    <span className={classes.mark} data-kind="only">
      only here
    </span>
  )
}
