import { Button, Group, Text } from '@mantine/core'
import { useState } from 'react'
import classes from './pager.module.css'

/** Pages of a list by its cursors: they lead forward only, so those that were used are kept. */
export interface Pages {
  cursor: string | undefined
  number: number
  forward: (cursor: string) => void
  back: () => void
}

/** @param of what the list is of: another list begins at its first page */
export function usePages(of: string): Pages {
  const [{ list, cursors }, setState] = useState<{ list: string; cursors: string[] }>({ list: of, cursors: [] })
  const used = list === of ? cursors : []
  return {
    cursor: used.at(-1),
    number: used.length + 1,
    forward: (cursor) => setState({ list: of, cursors: [...used, cursor] }),
    back: () => setState({ list: of, cursors: used.slice(0, -1) }),
  }
}

export function Pager({ pages, next, shown }: { pages: Pages; next: string | null; shown: number }) {
  if (pages.number === 1 && next === null) return null
  return (
    <Group justify="space-between" className={classes.pager} component="nav" aria-label="Pages">
      <Text size="xs" c="dimmed" role="status">
        Page {pages.number}, {shown} shown
      </Text>
      <Group gap="xs">
        <Button variant="default" disabled={pages.number === 1} onClick={pages.back}>
          Previous
        </Button>
        <Button variant="default" disabled={next === null} onClick={() => next !== null && pages.forward(next)}>
          Next
        </Button>
      </Group>
    </Group>
  )
}
