import { Group, Paper, Text, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'
import classes from './section.module.css'

interface Props {
  title: ReactNode
  /** The page's own heading says it well enough to who sees. */
  bare?: boolean
  /** What it is, where the title does not say it. */
  about?: ReactNode
  /** What can be done with it. */
  actions?: ReactNode
  /** The content goes to the edges: a table. */
  flush?: boolean
  children: ReactNode
}

/** A part of a page under a heading of its own. */
export function Section({ title, bare, about, actions, flush, children }: Props) {
  const id = useId()
  return (
    <Paper component="section" withBorder aria-labelledby={id} className={classes.section}>
      <Group justify="space-between" gap="xs" className={bare ? 'only-said' : classes.head}>
        <div>
          <Title order={2} id={id}>
            {title}
          </Title>
          {about && (
            <Text size="xs" c="dimmed" component="div">
              {about}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      <div className={flush ? undefined : classes.body}>{children}</div>
    </Paper>
  )
}
