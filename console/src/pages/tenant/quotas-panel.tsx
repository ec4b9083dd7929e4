import { Anchor, Progress, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { count } from '../../numbers'
import { Moment } from '../../parts/moment'
import { type Column, Rows } from '../../parts/rows'
import { Section } from '../../parts/section'
import { Failure, Loading } from '../../parts/states'
import { tenantPath } from '../../paths'
import { type QuotaUse, quotasOf } from '../../quotas'

const NAMES: Record<string, string> = {
  requests: 'Requests',
  events: 'Events by HTTP',
  items: 'Items',
  'training runs': 'Training runs',
}

const COLUMNS: Column<QuotaUse>[] = [
  { label: 'Quota', head: true, render: ({ quota }) => NAMES[quota] ?? quota },
  { label: 'Limit', end: true, render: ({ limit, per }) => `${count(limit)}${per ? ` a ${per}` : ''}` },
  { label: 'Used', width: '40%', render: (use) => <Used {...use} /> },
  {
    label: 'Refused lately',
    end: true,
    render: ({ refused, lastRefusedAt }) =>
      refused === 0 ? (
        'none'
      ) : (
        <>
          {count(refused)}
          {lastRefusedAt && (
            <>
              , last <Moment at={lastRefusedAt} />
            </>
          )}
        </>
      ),
  },
]

/** What the tenant may use, how near to it it is, and what was refused for it. */
export function QuotasPanel({ tenant }: { tenant: string }) {
  const quotas = useQuery(quotasOf(tenant))
  return (
    <Section
      title="Quotas"
      about="What is past them is refused with 429 and a time to come back"
      flush={quotas.data !== undefined}
      actions={
        <Anchor component={Link} to={tenantPath(tenant, 'settings')}>
          Change them
        </Anchor>
      }
    >
      {quotas.isPending && <Loading what="the quotas" />}
      {quotas.isError && <Failure error={quotas.error} retry={() => void quotas.refetch()} />}
      {quotas.data && (
        <Rows
          caption="Quotas and their use"
          columns={COLUMNS}
          rows={quotas.data.data}
          keyOf={({ quota }) => quota}
          markOf={({ refused }) => (refused > 0 ? 'warning' : undefined)}
        />
      )}
    </Section>
  )
}

function Used({ quota, per, used, most }: QuotaUse) {
  const words = `${count(used)} of ${count(most)}${per === 'second' ? ' at once' : ''}`
  return (
    <>
      <Progress
        value={Math.min(100, (100 * used) / most)}
        color={used >= most ? 'orange' : undefined}
        size="sm"
        aria-label={`${NAMES[quota] ?? quota}: ${words}`}
      />
      <Text size="xs" c="dimmed">
        {words}
      </Text>
    </>
  )
}
