import { Stack, Text } from '@mantine/core'
import type { Version } from '../contract'
import { percent } from '../numbers'
import { type Column, Rows } from '../parts/rows'
import { nameOf } from '../settings-form/schema'
import classes from './choices.module.css'

/** Share of each part in the scores, largest first. */
export function Blend({ version: { report } }: { version: Version }) {
  const { shares = {}, kind, reason } = report.blend ?? {}
  const parts = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .sort(([, a], [, b]) => b - a)
  if (parts.length === 0) return <Text c="dimmed">Its report does not tell.</Text>
  return (
    <Stack gap="sm">
      <dl className={classes.shares}>
        {parts.map(([part, share]) => (
          <div key={part}>
            <dt>{part}</dt>
            <dd>
              <svg width="100%" height={10} aria-hidden>
                <rect width="100%" height={10} rx={2} className={classes.ground} />
                <rect width={`${(100 * share).toFixed(1)}%`} height={10} rx={2} className={classes.share} />
              </svg>
            </dd>
            <dd>{percent(share, 0)}</dd>
          </div>
        ))}
      </dl>
      <Text size="xs" c="dimmed">
        {kind && `${nameOf(kind)}. `}
        {reason}
      </Text>
    </Stack>
  )
}

interface Choice {
  name: string
  reasons: (string | undefined)[]
}

/** What was chosen for the training, and why. */
export function Recipe({ versions }: { versions: Version[] }) {
  const reasons = versions.map(({ report }) => report.recipe?.reasons ?? {})
  const names = [...new Set(reasons.flatMap((found) => Object.keys(found)))]
  if (names.length === 0)
    return (
      <Text c="dimmed" p="md">
        Its report does not tell.
      </Text>
    )
  const columns: Column<Choice>[] = [
    { label: 'Choice', head: true, render: ({ name }) => <b>{nameOf(name)}</b>, width: '160px' },
    ...versions.map((version, place) => ({
      label: versions.length === 1 ? 'Chosen, and why' : version.id,
      render: ({ reasons: found }: Choice) => found[place] ?? '–',
    })),
  ]
  const rows = names.map((name) => ({ name, reasons: reasons.map((found) => found[name]) }))
  return <Rows caption="Recipe" columns={columns} rows={rows} keyOf={({ name }) => name} />
}
