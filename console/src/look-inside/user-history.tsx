import { Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { call, of, query } from '../api'
import type { HistoryEvent } from '../contract'
import { count } from '../numbers'
import { ItemFace } from '../parts/item-face'
import { Moment } from '../parts/moment'
import { Section } from '../parts/section'
import { Empty, Failure, Loading } from '../parts/states'
import { tenantKey } from '../queries'
import classes from './user-history.module.css'

const SHOWN = 60

export const historyOf = (tenant: string, userId: string) => ({
  queryKey: [...tenantKey(tenant), 'history', userId],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    call<{ data: HistoryEvent[] }>(
      query(of(tenant, `/users/${encodeURIComponent(userId)}/history`), { limit: SHOWN }),
      { signal },
    ),
})

/** What a user did, newest first. */
export function UserHistory({ tenant, userId }: { tenant: string; userId: string }) {
  const history = useQuery(historyOf(tenant, userId))
  return (
    <Section
      title="What this user did"
      about={
        history.data &&
        (history.data.data.length === SHOWN
          ? `The newest ${SHOWN} events`
          : `${count(history.data.data.length)} events, newest first`)
      }
    >
      {history.isPending && <Loading what="the history" />}
      {history.isError && <Failure error={history.error} retry={() => void history.refetch()} />}
      {history.data?.data.length === 0 && (
        <Empty title="Nothing yet">For a user who did nothing, what is trending is recommended.</Empty>
      )}
      {history.data && history.data.data.length > 0 && (
        <ul className={classes.history} tabIndex={0} aria-label="Events of the user">
          {history.data.data.map(({ itemId, type, value, occurredAt, item }, place) => (
            <li key={place}>
              <ItemFace itemId={itemId} face={item} small>
                <Group gap={6} className={classes.event}>
                  <Text size="xs" fw={600}>
                    {type}
                    {value !== null && ` ${value}`}
                  </Text>
                  <Text size="xs" c="dimmed">
                    <Moment at={occurredAt} />
                  </Text>
                </Group>
              </ItemFace>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}
