import { Stack, Text } from '@mantine/core'
import type { Quality } from '../contract'
import { count, percent } from '../numbers'
import { type Column, Rows } from './rows'

const REASONS: Record<string, string> = {
  'unknown-item': 'Unknown item',
  'too-old': 'Too old',
  'outside-history': 'Older than the history',
  duplicate: 'Duplicate',
  burst: 'Burst',
  farm: 'Click farm',
  bot: 'Bot',
  'short-user': 'User with one event',
  superseded: 'Superseded',
  low: 'Low value',
  high: 'High value',
  negative: 'Negative',
}

const COLUMNS: Column<Quality['findings'][number]>[] = [
  { label: 'Found', head: true, render: ({ reason }) => <b>{REASONS[reason] ?? reason}</b> },
  { label: 'Events', end: true, render: ({ events }) => count(events) },
  { label: 'Users', end: true, render: ({ users }) => (users > 0 ? count(users) : '–') },
  { label: 'What was done', render: ({ action }) => action },
]

/** What a run read, what it kept, and what it did about the rest. */
export function QualityReport({ quality: { read, kept, users, findings } }: { quality: Quality }) {
  return (
    <Stack gap="xs">
      <Text size="sm">
        {count(kept)} of {count(read)} events were kept{read > 0 && ` (${percent(kept / read)})`}, of {count(users)}{' '}
        users.
      </Text>
      {findings.length > 0 && (
        <div style={{ margin: '0 -16px -16px' }}>
          <Rows caption="Findings in the events" columns={COLUMNS} rows={findings} keyOf={({ reason }) => reason} />
        </div>
      )}
    </Stack>
  )
}
