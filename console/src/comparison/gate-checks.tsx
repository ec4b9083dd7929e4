import { Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react'
import type { Check, Version } from '../contract'
import { Status } from '../parts/status'
import classes from './gate-checks.module.css'

/** What failed stands first; what only tells something is marked as such. */
export function GateChecks({ version: { gate } }: { version: Version }) {
  const checks = gate?.checks ?? []
  if (checks.length === 0) return <Text c="dimmed">Its report does not tell.</Text>
  const order = ({ passed, asked, required }: Check) => (asked === false ? 3 : passed ? 2 : required ? 0 : 1)
  return (
    <ul className={classes.checks}>
      {[...checks]
        .sort((a, b) => order(a) - order(b))
        .map((check) => (
          <li key={check.name}>
            <Verdict {...check} />
            <Text size="xs" c="dimmed">
              {check.detail}
            </Text>
          </li>
        ))}
    </ul>
  )
}

function Verdict({ name, title = name, passed, asked, required }: Check) {
  if (asked === false)
    return (
      <Status tone="plain" icon={IconCircleDashed}>
        {title}: not asked
      </Status>
    )
  if (passed)
    return (
      <Status tone="good" icon={IconCircleCheck}>
        {title}
      </Status>
    )
  return required ? (
    <Status tone="bad" icon={IconCircleX}>
      {title}: failed
    </Status>
  ) : (
    <Status tone="warn" icon={IconAlertTriangle}>
      {title}: told, stops nothing
    </Status>
  )
}
