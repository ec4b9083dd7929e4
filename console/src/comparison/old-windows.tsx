import { Text } from '@mantine/core'
import type { OldWindow, Version } from '../contract'
import { count, dayOf, decimal, percent } from '../numbers'
import { Rows } from '../parts/rows'

/** What the network before and that of the version still know of the time that the one before learned from. */
export function OldWindows({ version: { report } }: { version: Version }) {
  const { windows = [], withoutWindows } = report.forgetting ?? {}
  if (windows.length === 0)
    return (
      <Text c="dimmed" p="md">
        {withoutWindows ? `Not asked: ${withoutWindows}.` : 'Its report does not tell.'}
      </Text>
    )
  return (
    <Rows
      caption="Old windows"
      rows={windows}
      keyOf={({ from }) => from}
      columns={[
        { label: 'Time', head: true, render: ({ from, to }) => `${dayOf(from)} to ${dayOf(to)}` },
        { label: 'Users', end: true, render: ({ users }) => count(users) },
        { label: 'Before', end: true, render: ({ before }) => percent(before) },
        { label: 'Now', end: true, render: ({ now }) => percent(now) },
        { label: 'Difference', end: true, render: ({ difference }) => points(difference) },
      ]}
    />
  )
}

const points = ({ mean, low, high }: OldWindow['difference']) =>
  `${signed(mean)} (${signed(low)} to ${signed(high)}) points`
const signed = (value: number) => `${value > 0 ? '+' : ''}${decimal(100 * value, 1)}`
