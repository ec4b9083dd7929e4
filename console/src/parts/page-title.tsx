import { Group, Title } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'
import { NavigationType, useLocation, useNavigationType } from 'react-router'

let navigated = false

/** The heading of a page, and the window's title. On navigation the focus goes to it: whoever listens hears where he is. */
export function PageTitle({ title, of, children }: { title: string; of?: string; children?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const { pathname } = useLocation()
  const type = useNavigationType()
  useEffect(() => {
    document.title = [title, of, 'Attune'].filter(Boolean).join(' · ')
  }, [title, of])
  useEffect(() => {
    // The first page was asked for by its address: the browser says its title.
    if (navigated) heading.current?.focus({ preventScroll: true })
    if (navigated && type === NavigationType.Push) window.scrollTo(0, 0)
    navigated = true
  }, [pathname, type])
  return (
    <Group justify="space-between" align="center" mb="md" gap="sm">
      <Title order={1} tabIndex={-1} ref={heading}>
        {title}
      </Title>
      {children && <Group gap="xs">{children}</Group>}
    </Group>
  )
}
